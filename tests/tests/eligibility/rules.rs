//! Which step refuses a change of a file of eligibility, and in which words.

use cohortium_verifier::Step;

use super::tampering_rules::{COLUMNS, CONTEXT, FALSE, MULTIPLICITIES, Rule, in_words};

/// The first rule whose path begins the change's path counts. `*` is any place of a list.
pub(crate) const RULES: &[Rule] = &[
    ("/format", &[]),
    ("/scope/ledger", &[(Step::Anchors, "the scope's ledger says")]),
    ("/scope/site", &[(Step::Anchors, "your anchors do not name the site")]),
    ("/scope/study", &[(Step::Registration, "the scope's study says")]),
    ("/scope/sponsor", &[(Step::Registration, "the scope's sponsor says")]),
    (
        "/query",
        &[
            // Another question that compiles as well, or the same in other words.
            CONTEXT,
            (Step::Plan, "nobody can be offered by these criteria"),
            (Step::Plan, "the approval does not permit this query"),
            (Step::Commitments, "the bundle opens"),
        ],
    ),
    ("/approval", &[(Step::Anchors, "the approval")]),
    ("/schema", &[(Step::Registration, "the manifest is over schema")]),
    ("/manifest", &[(Step::Registration, "the manifest says")]),
    ("/epoch", &[(Step::Registration, "the consent epoch says")]),
    ("/verifying_key", &[(Step::Anchors, "the file names the verifying key")]),
    // Bound by the context alone.
    ("/agreement", &[CONTEXT]),
    ("/nullifier", &[FALSE]),
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
];

/// Changes after which the file says the same: defaults written out or left out, and a list without an order.
pub(crate) const SAME: [(&str, &str); 6] = [
    ("/approval", "without exact_plans"),
    ("/approval/exact_plans", "no entries"),
    ("/query", "without measures"),
    ("/query/measures", "without count"),
    ("/query/measures/count", "null"),
    ("/schema/columns/*/codes", "entries swapped"),
];

/// Whether the message of an unread file names the changed part, or a part of it, or one around it.
pub(crate) fn names(text: &str, path: &str) -> bool {
    let rest = text.strip_prefix("the file of eligibility cannot be read at ");
    let Some(place) = rest.and_then(|rest| rest.split(": ").next()) else {
        // Of the file as a whole, nothing smaller can be named; of the scope, its part; a last field names itself.
        let part = in_words(path);
        let itself = format!("the file of eligibility cannot be read: {part}: ");
        return path.is_empty()
            || path == "/format"
            || text.starts_with(&itself)
            || (part.starts_with("scope.") && text.starts_with(&part));
    };
    let path = in_words(path);
    place.starts_with(&path) || (path.starts_with(place) && place != "proof")
}
