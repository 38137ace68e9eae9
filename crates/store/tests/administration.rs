//! Organizations, apps, keys, trunks and numbers.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use common::{ALL, START, World, at};
use model::tenant::{KeyClass, KeyRecord};
use model::trunk::Trunk;
use model::{AppId, KeyId, NumberId, OrganizationId, TrunkId};
use ports::StoreError;
use ports::store::{EndpointStore, KeyStore, PageRequest, TrunkStore, Written};
use std::os::unix::fs::PermissionsExt;
use store::SqliteStore;

#[tokio::test]
async fn the_first_start_happens_once() {
    let mut world = World::new().await;
    let again = world.bootstrap();
    assert_eq!(world.store.bootstrap(again).await, Ok(false));
    let organizations = world.store.organizations().await.unwrap();
    assert_eq!(organizations.iter().map(|o| o.id).collect::<Vec<_>>(), [world.organization]);
    let app = world.an_app(world.app, world.organization);
    assert_eq!(world.store.apps(world.organization).await, Ok(vec![app.clone()]));
    assert_eq!(world.store.app(world.app).await, Ok(Some(app)));
    let other = OrganizationId::from_uuid(world.node.uuid());
    assert_eq!(world.store.apps(other).await, Ok(vec![]));
    assert_eq!(world.store.app(AppId::from_uuid(world.node.uuid())).await, Ok(None));
    let keys = world.store.keys(world.organization).await.unwrap();
    assert_eq!(
        keys.iter().map(|k| k.class).collect::<Vec<_>>(),
        [KeyClass::Admin, KeyClass::Live, KeyClass::Test]
    );
}

#[tokio::test]
async fn keys_are_found_by_prefix_and_revoked_once() {
    let mut world = World::new().await;
    let (one, two) = (world.key(KeyClass::Live, "same", 1), world.key(KeyClass::Test, "same", 2));
    world.store.create_key(one.clone()).await.unwrap();
    world.store.create_key(two.clone()).await.unwrap();
    assert!(matches!(world.store.create_key(one.clone()).await, Err(StoreError::Conflict(_))));
    world.store.revoke_key(one.id, at(5)).await.unwrap();
    world.store.revoke_key(one.id, at(9)).await.unwrap();
    let revoked = KeyRecord { revoked_at: Some(at(5)), ..one };
    assert_eq!(world.store.keys_by_prefix("same").await, Ok(vec![revoked, two]));
    assert_eq!(world.store.keys_by_prefix("sam").await, Ok(vec![]));
    assert_eq!(world.store.keys(world.organization).await.unwrap().len(), 5);
    let unknown = KeyId::from_uuid(world.node.uuid());
    assert_eq!(world.store.revoke_key(unknown, START).await, Err(StoreError::NotFound));
}

#[tokio::test]
async fn a_key_made_by_another_process_is_seen() {
    let mut world = World::new().await;
    let other = SqliteStore::open(world.dir.path()).await.unwrap();
    let key = world.key(KeyClass::Live, "from outside", 1);
    // Both write at once; each waits for the other's lock.
    for number in 0..20u64 {
        let (ours, theirs) =
            (world.key(KeyClass::Live, "ours", number), world.key(KeyClass::Live, "theirs", number));
        let (a, b) = tokio::join!(world.store.create_key(ours), other.create_key(theirs));
        assert_eq!((a, b), (Ok(()), Ok(())), "{number}");
    }
    other.create_key(key.clone()).await.unwrap();
    assert_eq!(world.store.keys_by_prefix("from outside").await, Ok(vec![key]));
}

#[tokio::test]
async fn trunks_live_within_their_organization() {
    let mut world = World::new().await;
    let (older, newer) = (world.trunk(0), world.trunk(1));
    let key = world.idempotency("key", 1);
    assert_eq!(world.store.create_trunk(&older, Some(key.clone())).await, Ok(Written::New));
    assert_eq!(world.store.create_trunk(&newer, Some(key.clone())).await, Ok(Written::Replayed(key.1)));
    let other_body = world.idempotency("key", 2);
    assert_eq!(world.store.create_trunk(&newer, Some(other_body)).await, Ok(Written::Mismatch));
    assert_eq!(world.store.create_trunk(&newer, None).await, Ok(Written::New));
    let page = world.store.trunks(world.organization, ALL).await.unwrap();
    assert_eq!((page.total, page.items), (2, vec![newer.clone(), older.clone()]));
    let first = world.store.trunks(world.organization, PageRequest { limit: 1, offset: 0 }).await.unwrap();
    assert_eq!((first.total, first.items), (2, vec![newer.clone()]));
    assert_eq!(world.store.all_trunks().await, Ok(vec![older.clone(), newer]));

    let foreign = OrganizationId::from_uuid(world.node.uuid());
    assert_eq!(world.store.trunk(foreign, older.id).await, Ok(None));
    assert_eq!(world.store.trunks(foreign, ALL).await.unwrap().total, 0);
    assert_eq!(world.store.delete_trunk(foreign, older.id).await, Err(StoreError::NotFound));
    let stolen = Trunk { organization: foreign, ..older.clone() };
    assert_eq!(world.store.update_trunk(&stolen).await, Err(StoreError::NotFound));

    let changed = Trunk { host: "other.example.com".to_owned(), ..older.clone() };
    world.store.update_trunk(&changed).await.unwrap();
    assert_eq!(world.store.trunk(world.organization, older.id).await, Ok(Some(changed)));
    world.store.delete_trunk(world.organization, older.id).await.unwrap();
    assert_eq!(world.store.trunk(world.organization, older.id).await, Ok(None));
}

#[tokio::test]
async fn a_number_belongs_to_one_app_and_holds_its_trunk() {
    let mut world = World::new().await;
    let trunk = world.trunk(0);
    world.store.create_trunk(&trunk, None).await.unwrap();
    let one = world.number("+4930123456", trunk.id, 0);
    let key = world.idempotency("key", 1);
    assert_eq!(world.store.create_number(&one, Some(key.clone())).await, Ok(Written::New));
    assert_eq!(world.store.create_number(&one, Some(key.clone())).await, Ok(Written::Replayed(key.1)));
    let same = world.number("+4930123456", trunk.id, 1);
    assert!(matches!(world.store.create_number(&same, None).await, Err(StoreError::Conflict(_))));
    let lost = world.number("+4930123457", TrunkId::from_uuid(world.node.uuid()), 1);
    assert_eq!(world.store.create_number(&lost, None).await, Err(StoreError::NotFound));
    let two = world.number("+4930999999", trunk.id, 2);
    world.store.create_number(&two, None).await.unwrap();

    assert_eq!(world.store.number(&one.number).await, Ok(Some(one.clone())));
    assert_eq!(world.store.number(&"+4930000000".parse().unwrap()).await, Ok(None));
    let (organization, app) = (world.organization, world.app);
    let foreign = AppId::from_uuid(world.node.uuid());
    for (app, expected) in
        [(None, vec![two.clone(), one.clone()]), (Some(app), vec![two, one.clone()]), (Some(foreign), vec![])]
    {
        let page = world.store.numbers(organization, app, ALL).await.unwrap();
        assert_eq!((page.total as usize, &page.items), (expected.len(), &expected), "{app:?}");
    }
    let held = world.store.delete_trunk(organization, trunk.id).await;
    assert!(matches!(held, Err(StoreError::Conflict(_))), "{held:?}");
    let foreign = OrganizationId::from_uuid(world.node.uuid());
    assert_eq!(world.store.delete_number(foreign, one.id).await, Err(StoreError::NotFound));
    world.store.delete_number(organization, one.id).await.unwrap();
    let unknown = NumberId::from_uuid(world.node.uuid());
    assert_eq!(world.store.delete_number(organization, unknown).await, Err(StoreError::NotFound));
    assert_eq!(world.store.number(&one.number).await, Ok(None));
}

#[tokio::test]
async fn nobody_else_reads_the_files() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let store = SqliteStore::open(&dir).await.unwrap();
    let _lock = SqliteStore::lock(&dir).unwrap();
    store.organizations().await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_database_that_is_none_or_newer_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("lyrebird.db"),
        "this is not a database, however long it may be".repeat(99),
    )
    .unwrap();
    let refused = SqliteStore::open(dir.path()).await.unwrap_err().to_string();
    assert!(refused.contains("lyrebird.db") && refused.contains("not a database"), "{refused}");

    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(SqliteStore::open(&file).await.is_err());

    let world = World::new().await;
    world.store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.dir.path().join("lyrebird.db"));
    let mut db = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut db).await.unwrap();
    let refused = SqliteStore::open(world.dir.path()).await.unwrap_err().to_string();
    assert!(refused.contains("schema 99"), "{refused}");
}

#[tokio::test]
async fn a_user_name_is_one_phones_and_phones_are_their_apps() {
    let mut world = World::new().await;
    let (organization, app) = (world.organization, world.app);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.store.create_endpoint(&alice).await.unwrap();
    world.store.create_endpoint(&bob).await.unwrap();
    let namesake = world.phone("alice");
    assert!(matches!(world.store.create_endpoint(&namesake).await, Err(StoreError::Conflict(_))));
    assert_eq!(world.store.all_endpoints().await.unwrap().len(), 2);
    assert_eq!(world.store.endpoints(organization, Some(app), ALL).await.unwrap().total, 2);
    let other = AppId::from_uuid(world.node.uuid());
    assert_eq!(world.store.endpoints(organization, Some(other), ALL).await.unwrap().total, 0);
    assert_eq!(world.store.endpoint(organization, Some(other), alice.id).await, Ok(None));
    assert_eq!(world.store.endpoint(organization, None, alice.id).await, Ok(Some(alice.clone())));
    let foreign = world.store.delete_endpoint(organization, Some(other), alice.id).await;
    assert_eq!(foreign, Err(StoreError::NotFound));
    world.store.delete_endpoint(organization, Some(app), alice.id).await.unwrap();
    assert_eq!(world.store.all_endpoints().await, Ok(vec![bob]));
}
