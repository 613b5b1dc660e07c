//! Holds the body of a request as long as its answer, and tells of both to the watch over idle connections.
//!
//! A body that is left unread, because it was too long, too slow or not asked for, ends its connection once the answer is out. For bodies in
//! chunks the HTTP server does so only while somebody still holds them; dropped ones it reads to their end, for as long as the client likes. So
//! the answer holds them.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::{Stream, StreamExt};

use super::idle::{Connection, UnderWay};

/// Wraps every request.
pub(super) async fn hang_up(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let connection = request.conn_data::<Connection>().cloned();
    let asked = request.headers().contains_key(header::TRANSFER_ENCODING).then(|| {
        let asked = Asked(Rc::new(RefCell::new(request.take_payload())));
        request.set_payload(Payload::Stream { payload: Box::pin(asked.clone()) });
        asked
    });
    let at_work = connection.as_ref().map(Connection::begin);
    let response = next.call(request).await?.map_into_boxed_body();
    let under_way = connection.as_ref().map(Connection::answer);
    drop(at_work);
    Ok(response.map_body(|_, body| BoxBody::new(Answer { body, under_way, _asked: asked })))
}

/// The body of a request: its handler reads it, its answer holds it.
#[derive(Clone)]
struct Asked(Rc<RefCell<Payload>>);

impl Stream for Asked {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next_unpin(context)
    }
}

/// The body of an answer, with the request's.
struct Answer {
    body: BoxBody,
    under_way: Option<UnderWay>,
    _asked: Option<Asked>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.under_way.iter().for_each(UnderWay::touch);
        Pin::new(&mut self.body).poll_next(context)
    }
}
