//! The OpenAPI document of the real binary against its routes and its answers. (Every answer that any test of this
//! folder gets is held against the document too: the test kit's client does that.)

#![cfg(test)]

use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use testkit::{Description, Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

async fn description(server: &Server) -> Description {
    Description(server.api("").get("/openapi/chirp.json").await.expect(200))
}

/// Names of parameters differ between routes and document; their places do not.
fn nameless(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// All literals after `.route(` in the doors' sources.
fn routes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the doors' sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            routes(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("a source");
            let literals =
                source.split(".route(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
            found.extend(literals.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
}

#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let server = Server::start(BINARY).await;
    let description = description(&server).await;
    let mut known = BTreeSet::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src"), &mut known);
    assert!(known.contains("/v1/calls"), "{known:?}");
    let served: BTreeSet<_> =
        known.iter().filter(|path| path.starts_with("/v1")).map(|path| nameless(path)).collect();
    let operations = description.operations();
    let described = operations.iter().map(|(_, path)| nameless(path)).filter(|path| path.starts_with("/v1"));
    assert_eq!(served, described.collect(), "left: the router's, right: the document's");
    // A method that no route has is refused, and the refusal names those that it has.
    let paths: BTreeSet<_> = operations.iter().map(|(_, path)| path).collect();
    let admin = server.admin();
    for path in paths {
        let some = path.replace(['{', '}'], "x");
        let refused = admin.send(admin.request(Method::TRACE, &some)).await;
        assert_eq!(refused.status, 405, "{path}");
        let served: BTreeSet<_> = refused
            .header("allow")
            .split(',')
            .map(str::trim)
            .filter(|name| *name != "HEAD")
            .map(str::to_owned)
            .collect();
        let described = operations.iter().filter(|(_, of)| of == path).map(|(method, _)| method.clone());
        assert_eq!(served, described.collect(), "{path}");
    }
}

#[tokio::test]
async fn answers_have_the_shapes_that_are_described() {
    let receiver = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(receiver.addr())).await;
    let (test, admin) = (server.test(), server.admin());
    let hook =
        json!({ "url": receiver.url("/hook"), "events": ["calls.completed"], "headers": { "x-a": "b" } });
    let hook =
        test.post("/v1/webhooks", &hook).await.expect(201)["id"].as_str().unwrap_or_default().to_owned();
    let order = json!({
        "from": "+15005559999", "to": "+15005550003", "metadata": { "a": { "b": [1] } },
        "flow": [{ "command": "gather", "prompt": { "say": { "text": "Key, please." } }, "endKey": "#" },
                 { "command": "hangup" }],
    });
    let call = test.place(&order).await;
    test.wait_for_status(&call, "in_progress").await;
    test.command(&call, &json!({ "type": "start_recording" })).await.expect(200);
    test.wait_for_end(&call).await;
    for path in ["", "/timeline", "/timeline?limit=1&after=1", "/recordings"] {
        test.get(&format!("/v1/calls/{call}{path}")).await.expect(200);
    }
    for path in ["/v1/calls", "/v1/calls?limit=1", "/v1/webhooks", &format!("/v1/webhooks/{hook}")] {
        test.get(path).await.expect(200);
    }
    let recording = test.get(&format!("/v1/calls/{call}/recordings")).await.json["data"][0]["id"].clone();
    test.get(&format!("/v1/calls/recordings/{}", recording.as_str().unwrap_or_default())).await.expect(200);
    test.get(&format!("/v1/webhooks/{hook}/deliveries")).await.expect(200);
    test.put(&format!("/v1/webhooks/{hook}"), &json!({ "events": ["calls.answered"] })).await.expect(200);
    test.delete(&format!("/v1/webhooks/{hook}")).await.expect(200);
    let trunk = json!({ "name": "t", "host": "192.0.2.1", "username": "u", "password": "p" });
    let trunk =
        admin.post("/v1/trunks", &trunk).await.expect(201)["id"].as_str().unwrap_or_default().to_owned();
    let number = json!({ "number": "+493012345678", "appId": server.keys.app_id, "trunkId": trunk });
    let number =
        admin.post("/v1/numbers", &number).await.expect(201)["id"].as_str().unwrap_or_default().to_owned();
    for path in ["/v1/trunks", "/v1/numbers", &format!("/v1/trunks/{trunk}")] {
        admin.get(path).await.expect(200);
    }
    admin.put(&format!("/v1/trunks/{trunk}"), &json!({ "name": "u" })).await.expect(200);
    admin.delete(&format!("/v1/trunks/{trunk}")).await.expect(409);
    let path = format!("/v1/numbers/{number}");
    let flow = json!({ "flow": [{ "command": "hangup" }] });
    assert_eq!(admin.put(&path, &flow).await.expect(200)["answersAtOnce"], true);
    test.put(&path, &flow).await.expect(401);
    assert_eq!(admin.put(&path, &json!({ "flow": null })).await.expect(200)["answersAtOnce"], false);
    admin.put(&path, &json!({})).await.expect(400);
    admin.delete(&path).await.expect(200);
    admin.put(&path, &flow).await.expect(404);
    admin.delete(&format!("/v1/trunks/{trunk}")).await.expect(200);
    let key = json!({ "name": "k", "appId": server.keys.app_id, "mode": "test" });
    let key = admin.post("/v1/organization/app-keys", &key).await.expect(201)["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    admin.get(&format!("/v1/organization/apps/{}/keys", server.keys.app_id)).await.expect(200);
    admin.delete(&format!("/v1/organization/app-keys/{key}")).await.expect(200);
}

#[tokio::test]
async fn pages_explain_every_operation_and_every_error() {
    let server = Server::start(BINARY).await;
    let description = description(&server).await;
    let page = async |path: &str| String::from_utf8_lossy(&server.api("").get(path).await.bytes).into_owned();
    let docs = page("/docs").await;
    for (method, path) in description.operations() {
        assert!(docs.contains(&format!("</i> {path}</h3>")), "{method} {path}");
    }
    let codes =
        description.0["components"]["schemas"]["ErrorCode"]["enum"].as_array().cloned().unwrap_or_default();
    assert!(codes.len() > 20);
    let all = page("/docs/errors").await;
    for code in codes.iter().filter_map(Value::as_str) {
        assert!(all.contains(&format!("id=\"{code}\"")), "{code}");
        assert!(page(&format!("/docs/errors/{code}")).await.contains("Remedy:"), "{code}");
    }
    assert_eq!(server.api("").get("/docs/errors/nonsense").await.status, 404);
}
