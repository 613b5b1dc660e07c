//! Pages, apps and subscriptions at run time.

use actix_web::web::{Data, Json};
use serde_json::{Value, json};

use crate::person::Refused;
use crate::platform::Platform;
use crate::settings;
use crate::webhook::shake_hands;
use crate::world::{Account, World};

/// `POST /sandbox/pages`: sets a Page. Answers as in the list.
pub async fn put_page(body: Json<settings::Page>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let page = body.into_inner();
    if page.id.is_empty() {
        return Err(Refused::Invalid("a Page needs an id".to_owned()));
    }
    platform.into_inner().change(|world, _| {
        let id = world.put_page(page);
        world.accounts.get(&id).map(|account| Json(describe(account))).ok_or(Refused::Unknown("Page"))
    })
}

/// `GET /sandbox/pages`
pub async fn list_pages(platform: Data<Platform>) -> Json<Value> {
    Json(json!({"pages": platform.look(|world, _| world.accounts.values().map(describe).collect::<Vec<Value>>())}))
}

fn describe(account: &Account) -> Value {
    let apps = account.connections.iter().map(|(app_id, connection)| {
        json!({
            "app_id": app_id, "token": connection.token, "fields": connection.fields, "may_take": connection.may_take,
            "default": account.default_app.as_deref() == Some(app_id),
        })
    });
    json!({
        "id": account.id, "page_id": account.page_id, "name": account.name, "object": account.object.as_str(),
        "default_app": account.default_app, "apps": apps.collect::<Vec<Value>>(), "people": account.people.all(),
    })
}

/// `POST /sandbox/apps`: sets an app. A callback must pass the handshake first, unless `verify` is false.
pub async fn put_app(body: Json<settings::App>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let app = body.into_inner();
    let platform = platform.into_inner();
    if let Some(callback) = app.callback_url.as_deref().filter(|_| app.verify) {
        let shaken = shake_hands(platform.lanes().http(), callback, &app.verify_token).await;
        shaken.map_err(|error| Refused::Invalid(format!("Callback verification failed with the following errors: {error}")))?;
    }
    platform.change(|world, _| {
        let id = app.app_id.clone();
        world.put_app(app);
        app_view(world, &id).map(Json).ok_or(Refused::Unknown("app"))
    })
}

/// `GET /sandbox/apps`
pub async fn list_apps(platform: Data<Platform>) -> Json<Value> {
    let apps = platform.look(|world, _| world.apps.keys().filter_map(|id| app_view(world, id)).collect::<Vec<Value>>());
    Json(json!({"apps": apps}))
}

fn app_view(world: &World, id: &str) -> Option<Value> {
    let app = world.apps.get(id)?;
    let tokens = world.accounts.values().filter_map(|account| Some((account.id.clone(), json!(account.connections.get(id)?.token))));
    Some(json!({
        "app_id": app.id, "name": app.name, "app_secret": app.secret, "verify_token": app.verify_token, "callback_url": app.callback_url,
        "external": app.external, "default": app.default, "may_take": app.may_take,
        "page_tokens": tokens.collect::<serde_json::Map<String, Value>>(),
    }))
}

/// `POST /sandbox/subscriptions {page_id, app_id, token?, fields?, default?, may_take?}` → `{token}`
pub async fn subscribe(body: Json<settings::Subscription>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let change = body.into_inner();
    let token = platform.into_inner().change(|world, _| world.connect(change)).ok_or(Refused::Unknown("Page or app"))?;
    Ok(Json(json!({"token": token})))
}
