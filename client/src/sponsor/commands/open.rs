//! `open`: the sponsor's nonce of a query with noise.

use cohortium_protocol::documents::Request;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{MemberKey, Statement, Transaction};
use cohortium_protocol::noise::{check_sponsor_nonce, sponsor_nonce};
use serde_json::json;

use super::super::args::OpenArgs;
use super::super::{Failure, Outcome, Report, Setting, setting};
use super::ask::{Unposted, post};
use crate::answers::Posted;

pub(crate) fn run(setting: &Setting, args: &OpenArgs) -> Outcome {
    let id = setting::digest("a query's id", &args.id)?;
    let charter = setting.charter()?;
    let (name, key) = setting.member(&charter)?;
    let mut trusted = setting.trusted()?;
    let (request, query) = trusted.verified_query(&id)?;
    setting.keep(&trusted)?;
    let asked = &query.transaction.member;
    if *asked != name {
        return Err(Failure::refused(format!("the query is {asked:?}'s, and so is its nonce; you are {name:?}")));
    }
    let nonces = trusted.client().query(&id)?.nonces;
    if let Some(nonces) = nonces.filter(|nonces| !nonces.settled) {
        return Err(Failure::refused(format!(
            "a site may still decide about the query; nonces are opened when every site has decided or missed its time, and \
             until {} at the latest",
            nonces.until
        )));
    }
    let (posted, transaction) = open(setting, &request, (&name, &key))?;
    let already = if posted.already { "was open already" } else { "is open" };
    let text = format!(
        "Your nonce of {:?} {already}, transaction {transaction} in block {} at {}. The board opens its own next; then the sites \
         answer.\n",
        request.query.title, posted.height, posted.time
    );
    Ok(Report::new(text, json!({ "query": id, "id": transaction, "posted": posted })))
}

/// Opens the nonce that a request of this sponsor commits to.
pub(super) fn open(
    setting: &Setting,
    request: &Request,
    (name, key): (&str, &MemberKey),
) -> Result<(Posted, Digest), Failure> {
    let nonce = sponsor_nonce(key, request);
    // Another key, or a request that another program made.
    check_sponsor_nonce(request, &nonce).map_err(Failure::refused)?;
    let statement = Statement::SponsorNonce { request: request.digest(), nonce };
    let transaction = Transaction::sign(&request.ledger, name, statement, key);
    let posted = post(setting, &setting.client()?, &transaction).map_err(|unposted| match unposted {
        Unposted::Refused(error) => error.into(),
        Unposted::Unclear(failure) => failure,
    })?;
    Ok((posted, transaction.id()))
}
