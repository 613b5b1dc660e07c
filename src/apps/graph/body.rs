//! A call's body: taken in within limits.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::encoding::{Decoded, decode, is_multipart};
use crate::wire::GraphError;

/// One unit of the memory budget, in bytes.
const UNIT: usize = 64 * 1024;
/// So much of a body that is too large is still read and thrown away, so that the client gets to read why it was refused.
const SWALLOW: usize = 128 * 1024 * 1024;
/// How long that may take.
const SWALLOW_FOR: Duration = Duration::from_secs(20);

/// How large bodies may be, in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// JSON and forms. 2 MiB by default: fifty sends in one batch fit many times over.
    pub plain: usize,
    /// Multipart. 27 MiB by default: the platform takes attachments of 25 MB.
    pub multipart: usize,
    /// All bodies together that are being read or worked on. 256 MiB by default.
    pub together: usize,
    /// How long a client may take to send its body. 60 s by default.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self { plain: 2 * MIB, multipart: 27 * MIB, together: 256 * MIB, patience: Duration::from_secs(60) }
    }
}

/// The memory that all bodies share.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    limits: Limits,
    units: Arc<Semaphore>,
}

/// Part of the memory budget, given back when dropped.
pub(super) type Held = OwnedSemaphorePermit;

/// A body, read.
#[derive(Debug)]
pub(super) struct Body {
    /// What it says.
    pub decoded: Decoded,
    /// Its part of the memory budget.
    pub held: Option<Held>,
}

impl Budget {
    pub fn new(limits: Limits) -> Self {
        let units = Arc::new(Semaphore::new(limits.together.div_ceil(UNIT).min(Semaphore::MAX_PERMITS)));
        Self { limits, units }
    }

    /// Reads a body whatever its encoding.
    ///
    /// # Errors
    /// 100 when it cannot be read; the same with status 413 when it is too large; 2 when too much is being read already.
    pub async fn read(&self, request: &HttpRequest, payload: Payload) -> Result<Body, GraphError> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let multipart = content_type.is_some_and(is_multipart);
        let most = if multipart { self.limits.multipart } else { self.limits.plain };
        let reading = self.collect(request, payload, most, if multipart { attachment_too_large } else { body_too_large });
        let patience = tokio::time::timeout(self.limits.patience, reading).await;
        let (bytes, held) = patience.map_err(|_| GraphError::new(100, None, 408, "The request body did not arrive in time"))??;
        Ok(Body { decoded: decode(content_type, bytes).await?, held })
    }

    async fn collect(
        &self,
        request: &HttpRequest,
        mut payload: Payload,
        most: usize,
        too_large: fn(usize) -> GraphError,
    ) -> Result<(Bytes, Option<Held>), GraphError> {
        let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length > most) {
            swallow(payload).await;
            return Err(too_large(most));
        }
        let mut bytes = BytesMut::new();
        let mut held: Option<Held> = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| GraphError::parameter("The request body cannot be read"))?;
            if bytes.len() + chunk.len() > most {
                swallow(payload).await;
                return Err(too_large(most));
            }
            bytes.extend_from_slice(&chunk);
            self.hold(&mut held, bytes.len())?;
        }
        Ok((bytes.freeze(), held))
    }

    /// Holds enough units for so many bytes.
    fn hold(&self, held: &mut Option<Held>, bytes: usize) -> Result<(), GraphError> {
        let missing = bytes.div_ceil(UNIT).saturating_sub(held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        let Some(missing) = u32::try_from(missing).ok().filter(|missing| *missing > 0) else { return Ok(()) };
        let more = Arc::clone(&self.units)
            .try_acquire_many_owned(missing)
            .map_err(|_| GraphError::temporary("Too many large requests are under way. Please retry."))?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// 100/2018109 (protocol page, section 3.5).
fn attachment_too_large(most: usize) -> GraphError {
    GraphError::new(
        100,
        Some(2_018_109),
        413,
        &format!("Attachment size exceeds allowable limit: the request must not be larger than {most} bytes"),
    )
}

fn body_too_large(most: usize) -> GraphError {
    GraphError::new(100, None, 413, &format!("The request body must not be larger than {most} bytes"))
}

async fn swallow(mut payload: Payload) {
    let rest = async {
        let mut thrown = 0;
        while let Some(Ok(chunk)) = payload.next().await {
            thrown += chunk.len();
            if thrown > SWALLOW {
                break;
            }
        }
    };
    // Whoever takes longer is cut off.
    let _ = tokio::time::timeout(SWALLOW_FOR, rest).await;
}
