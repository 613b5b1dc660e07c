//! What a request opens outlives the thread that answers it.
//!
//! Each worker of the HTTP server has a runtime of its own, which ends when the server stops. A connection to the database that was opened there
//! would end with it, in the hands of whoever has it from the pool by then: a delivery that writes its cursor, an outbox that writes an outcome.
//! So while requests are answered, whatever they open belongs to the runtime of the whole.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use tokio::runtime::Handle;

/// Wraps every request.
pub(super) async fn workers(
    runtime: Data<Handle>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut answer = pin!(next.call(request));
    let response = std::future::poll_fn(|context| {
        let _entered = runtime.enter();
        answer.as_mut().poll(context)
    })
    .await?;
    let runtime = Handle::clone(&runtime);
    Ok(response.map_body(|_, body| BoxBody::new(Answer { body: body.boxed(), runtime })))
}

/// The body of an answer: a stream reads the database for as long as it lives.
struct Answer {
    body: BoxBody,
    runtime: Handle,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let runtime = self.runtime.clone();
        let _entered = runtime.enter();
        Pin::new(&mut self.body).poll_next(context)
    }
}
