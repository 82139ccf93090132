//! Which step refuses a change, and in which words.

use cohortium_verifier::Step;

/// What a change below a path is refused with: the step, and words that name the part.
pub(crate) type Rule = (&'static str, &'static [(Step, &'static str)]);

/// What is bound by the context digest alone, so that only the openings can tell.
pub(crate) const CONTEXT: (Step, &str) = (Step::Openings, "the opening of columns was not made for this request");
pub(crate) const FALSE: (Step, &str) = (Step::Proof, "the proof is not valid for these numbers");
pub(crate) const COLUMNS: (Step, &str) = (Step::Openings, "the opening of columns");
pub(crate) const MULTIPLICITIES: (Step, &str) = (Step::Openings, "the opening of multiplicities");

/// The first rule whose path begins the change's path counts. `*` is any place of a list.
pub(crate) const RULES: &[Rule] = &[
    ("/format", &[]),
    ("/site", &[(Step::Anchors, "your anchors do not name the site")]),
    ("/request/ledger", &[(Step::Anchors, "the request is of ledger")]),
    ("/request/sequence", &[CONTEXT]),
    ("/request/sponsor_nonce", &[CONTEXT]),
    (
        "/request/query",
        &[(Step::Plan, "the request pins the plan"), (Step::Plan, "the query does not compile over this schema")],
    ),
    ("/request/approval", &[(Step::Plan, "the request pins the approval")]),
    ("/request/schema", &[(Step::Plan, "the request pins the schema")]),
    ("/request/plan", &[(Step::Plan, "the request pins the plan")]),
    // The answering site's own pins; then the other site's.
    ("/request/sites/0/site", &[(Step::Anchors, "the request does not ask the site")]),
    ("/request/sites/0/manifest", &[(Step::Registration, "the request pins the manifest")]),
    ("/request/sites/0/epoch", &[(Step::Registration, "the request pins the consent epoch")]),
    ("/request/sites/0/policy_floor", &[(Step::Registration, "the request pins the policy floor")]),
    ("/request/sites/0/shape", &[(Step::Registration, "the request names the shape")]),
    ("/request/sites/0/verifying_key", &[(Step::Anchors, "the request names the verifying key")]),
    ("/request/sites/1", &[CONTEXT]),
    ("/request/sites", &[CONTEXT, (Step::Anchors, "the request does not ask the site")]),
    ("/approval", &[(Step::Anchors, "the approval")]),
    ("/policy_floor", &[(Step::Registration, "the bundle's policy floor is")]),
    ("/schema", &[(Step::Registration, "the manifest is over schema")]),
    ("/manifest", &[(Step::Registration, "the bundle's manifest is")]),
    ("/epoch", &[(Step::Registration, "the bundle's consent epoch is")]),
    (
        "/proof/columns/*/column",
        &[(Step::Commitments, "the document lists no column"), (Step::Commitments, "the bundle opens")],
    ),
    ("/proof/columns/*/value", &[COLUMNS]),
    ("/proof/columns/*", &[]),
    ("/proof/columns", &[(Step::Commitments, "the bundle opens")]),
    ("/proof/multiplicities/*/column", &[(Step::Commitments, "the bundle opens the multiplicities of")]),
    ("/proof/multiplicities/*/value", &[MULTIPLICITIES]),
    ("/proof/multiplicities/*", &[]),
    ("/proof/multiplicities", &[(Step::Commitments, "the bundle opens the multiplicities of")]),
    ("/proof/challenges/row_point/*", &[COLUMNS]),
    ("/proof/challenges/row_point", &[COLUMNS, (Step::Commitments, "the point r has")]),
    ("/proof/challenges/value_point/*", &[MULTIPLICITIES]),
    ("/proof/challenges/value_point", &[MULTIPLICITIES, (Step::Commitments, "the point r_t has")]),
    ("/proof/challenges/table_point/*", &[FALSE]),
    ("/proof/challenges/table_point", &[FALSE, (Step::Commitments, "the point rho_t has")]),
    ("/proof/challenges/mu", &[FALSE]),
    ("/proof/column_opening", &[COLUMNS]),
    ("/proof/multiplicity_opening", &[MULTIPLICITIES]),
    ("/proof/groth16", &[FALSE, (Step::Proof, "a proof is"), (Step::Proof, "the proof holds no valid points")]),
    ("/proof/cells/*/count", &[FALSE, (Step::Release, "shows the count"), (Step::Release, "shows the sum")]),
    (
        "/proof/cells/*",
        &[FALSE, (Step::Release, "shows no sum"), (Step::Release, "shows the sum"), (Step::Release, "shows a sum")],
    ),
    ("/proof/cells", &[(Step::Release, "groups, the plan has 24"), FALSE]),
];

/// Changes after which the file says the same: defaults written out or left out, and a list without an order.
pub(crate) const SAME: [(&str, &str); 4] = [
    ("/request/query/group_by/*", "without missing"),
    ("/request/query/measures", "without count"),
    ("/request/query/measures/count", "null"),
    ("/schema/columns/*/codes", "entries swapped"),
];

/// A pointer with stars for places of lists.
pub(crate) fn pattern(path: &str) -> String {
    let star = |part: &str| if part.parse::<usize>().is_ok() { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(star).collect::<Vec<_>>().join("/")
}

pub(crate) fn begins(path: &str, rule: &str) -> bool {
    let mut parts = path.split('/');
    rule.split('/')
        .all(|part| parts.next().is_some_and(|found| found == part || (part == "*" && found.parse::<usize>().is_ok())))
}

/// The same place as a message writes it.
pub(crate) fn in_words(path: &str) -> String {
    let mut out = String::new();
    for part in path.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(place) => out.push_str(&format!("[{place}]")),
            Err(_) if out.is_empty() => out.push_str(part),
            Err(_) => out.push_str(&format!(".{part}")),
        }
    }
    out
}

/// Whether the message of an unread file names the changed part, or a part of it, or one around it.
pub(crate) fn names(text: &str, path: &str) -> bool {
    let Some(place) = text.strip_prefix("the bundle cannot be read at ").and_then(|rest| rest.split(": ").next())
    else {
        // Of the file as a whole, nothing smaller can be named.
        return path.is_empty() || path == "/format" || (path == "/site" && text.starts_with("the bundle's site"));
    };
    let path = in_words(path);
    // A document is checked when it has been read whole; of the proof, the part at least must be named.
    place.starts_with(&path) || (path.starts_with(place) && place != "proof")
}
