//! `/v1/numbers`: which app calls from a number and is called by it, and on which trunk. Our addition to the
//! contract; written by admin keys, read by app keys too.

use super::calls::admin_scope;
use super::error::ChirpError;
use super::view::ListView;
use super::{Door, flow, ids};
use crate::http::ask::{Ask, PathId, answer, response};
use crate::http::fields::invalid;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::NewNumber;
use model::fault::Fault;
use model::flow::variable::Variables;
use model::trunk::PhoneNumber;
use serde_json::{Value, json};

/// `POST /v1/numbers`.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    admin_scope(ask.who())?;
    let mut fields = ask.fields()?;
    let number = fields.text("number", 1..=32)?;
    let app = fields.text("appId", 1..=64)?;
    let trunk = fields.text("trunkId", 1..=64)?;
    let wrong_id = |name: &'static str| move |_: Fault| invalid(name, "is no id of this kind");
    let new = NewNumber {
        number: fields.required("number", number)?,
        app: ids::parse_app(&fields.required("appId", app)?).map_err(wrong_id("appId"))?,
        trunk: ids::parse_trunk(&fields.required("trunkId", trunk)?).map_err(wrong_id("trunkId"))?,
        flow: flow::take(&mut fields, "flow", &Variables::new())?,
    };
    fields.finish()?;
    let render = |number: &PhoneNumber| response(StatusCode::CREATED, &view(number));
    Ok(answer(door.engine.create_number(ask.who(), new, ask.idempotency()?, &render).await?))
}

/// `GET /v1/numbers`.
pub(crate) async fn list(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    let mut query = ask.query()?;
    let page = query.page()?;
    query.finish()?;
    let numbers = door.engine.numbers(ask.who(), page).await?;
    let data = numbers.items.iter().map(view).collect();
    Ok(Json(ListView { data, total_count: numbers.total }).into_response())
}

/// `PUT /v1/numbers/{numberId}`: `flow`, or `null` where the app shall decide.
pub(crate) async fn update(
    State(door): State<Door>,
    PathId(number): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    admin_scope(ask.who())?;
    let mut fields = ask.fields()?;
    let removed = fields.is_null("flow");
    let flow = flow::take(&mut fields, "flow", &Variables::new())?;
    if flow.is_none() && !removed {
        return Err(invalid("flow", "must be a flow, or null").into());
    }
    fields.finish()?;
    let number = door.engine.set_number_flow(ask.who(), ids::parse_number(&number)?, flow).await?;
    Ok(Json(view(&number)).into_response())
}

/// `DELETE /v1/numbers/{numberId}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathId(number): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    door.engine.delete_number(ask.who(), ids::parse_number(&number)?).await?;
    Ok(Json(json!({ "message": "number released" })).into_response())
}

fn view(number: &PhoneNumber) -> Value {
    json!({
        "id": ids::number(number.id),
        "number": number.number.as_str(),
        "appId": ids::app(number.app),
        "trunkId": ids::trunk(number.trunk),
        "answersAtOnce": number.flow.is_some(),
        "createdAt": number.created_at.to_rfc3339_millis(),
    })
}
