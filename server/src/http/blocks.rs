//! Blocks, one by one and all together.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use actix_web::HttpResponse;
use actix_web::body::BodySize;
use actix_web::body::MessageBody;
use actix_web::get;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::task::spawn_blocking;
use actix_web::web::Bytes;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use actix_web::web::Query;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;

use super::Service;
use super::page;
use super::problem::Problem;
use crate::node::BlockSummary;
use crate::node::ReadError;

/// Which blocks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// The first height, from 1.
    #[serde(default)]
    from: u64,
    /// How many at most: 100 unless told, 1000 at most.
    limit: Option<usize>,
}

/// A block without its transactions.
#[derive(Serialize, ToSchema)]
struct BlockHead {
    /// From 1.
    height: u64,
    /// The block's digest.
    #[schema(value_type = String)]
    digest: Digest,
    /// The digest of the block before; of the first, the charter's.
    #[schema(value_type = String)]
    previous: Digest,
    /// When it was made.
    #[schema(value_type = String)]
    time: Timestamp,
    /// Transactions on the ledger, with this block's.
    size: u64,
    /// The RFC 6962 root over all of them.
    #[schema(value_type = String)]
    root: Digest,
    /// The digest of the state after the block.
    #[schema(value_type = String)]
    state: Digest,
    /// How many transactions it has.
    transactions: u64,
}

impl From<BlockSummary> for BlockHead {
    fn from(block: BlockSummary) -> Self {
        let BlockSummary { height, digest, previous, time, size, root, state, transactions } = block;
        Self { height, digest, previous, time, size, root, state, transactions }
    }
}

/// A page of blocks.
#[derive(Serialize, ToSchema)]
struct BlocksAnswer {
    /// The blocks' heads.
    blocks: Vec<BlockHead>,
    /// The height at which the next page begins; nothing at the end.
    next: Option<u64>,
}

/// The blocks' heads, from a height on.
#[utoipa::path(tag = "ledger", params(Page), responses((status = 200, description = "A page of blocks", body = BlocksAnswer)))]
#[get("/v1/blocks")]
async fn get_blocks(service: Data<Service>, page: Query<Page>) -> Result<Json<BlocksAnswer>, Problem> {
    let Page { from, limit } = page.into_inner();
    let limit = page::size(limit);
    let read = service.read(move |ledger| {
        // One more tells whether there is a next page.
        let mut found = ledger.blocks(from, limit + 1)?;
        let next = if found.len() > limit { found.pop().map(|block| block.height) } else { None };
        Ok(BlocksAnswer { blocks: found.into_iter().map(BlockHead::from).collect(), next })
    });
    read.await.map(Json)
}

/// One block, whole.
#[utoipa::path(tag = "ledger", params(("height" = u64, Path, description = "The height, from 1")), responses(
    (status = 200, description = "The block document", body = Object),
    (status = 404, description = "No such block", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/blocks/{height}")]
async fn get_block(service: Data<Service>, height: Path<u64>) -> Result<HttpResponse, Problem> {
    let height = height.into_inner();
    let found = service
        .read(move |ledger| ledger.block_bytes(height)?.ok_or_else(|| Problem::not_found("block of height", height)));
    Ok(HttpResponse::Ok().content_type("application/json").body(found.await?))
}

/// Bytes that are handed on at once.
const CHUNK_BYTES: usize = 256 << 10;

type Lines = Box<dyn Iterator<Item = Result<Vec<u8>, ReadError>> + Send>;
/// Reads on: what is left, and the next piece.
type Reading = JoinHandle<(Lines, Result<Vec<u8>, ReadError>)>;

/// The founding and every block, a line each: read on another thread while it is sent.
struct Export {
    reading: Option<Reading>,
}

fn read_on(mut lines: Lines, mut chunk: Vec<u8>) -> Reading {
    spawn_blocking(move || {
        while chunk.len() < CHUNK_BYTES {
            match lines.next() {
                None => break,
                Some(Ok(line)) => {
                    chunk.extend_from_slice(&line);
                    chunk.push(b'\n');
                }
                Some(Err(error)) => return (lines, Err(error)),
            }
        }
        (lines, Ok(chunk))
    })
}

impl MessageBody for Export {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let outcome = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        // An error breaks the connection off, so that nobody takes a part for the whole.
        Poll::Ready(match outcome {
            Err(error) => Some(Err(error.into())),
            Ok((_, Err(error))) => Some(Err(error.into())),
            Ok((_, Ok(chunk))) if chunk.is_empty() => None,
            Ok((lines, Ok(chunk))) => {
                self.reading = Some(read_on(lines, Vec::with_capacity(CHUNK_BYTES)));
                Some(Ok(chunk.into()))
            }
        })
    }
}

/// The whole ledger: the founding document on the first line, then a block a line.
#[utoipa::path(tag = "ledger", responses((status = 200, description = "The founding and every block, a line each", body = String, content_type = "application/x-ndjson")))]
#[get("/v1/export")]
async fn get_export(service: Data<Service>) -> Result<HttpResponse, Problem> {
    let begin = service.read(|ledger| {
        let founding = [ledger.founding(), b"\n"].concat();
        let lines: Lines = Box::new(ledger.export()?);
        Ok((founding, lines))
    });
    let (founding, lines) = begin.await?;
    let body = Export { reading: Some(read_on(lines, founding)) };
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").body(body))
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(get_blocks).service(get_block).service(get_export);
}
