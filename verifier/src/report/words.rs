//! The sentences of a report.

use cohortium_keys::KeyKind;
use cohortium_protocol::bundle::Bundle;

use super::{AnchorUsed, Known};
use crate::anchors::Anchors;
use crate::ledger::LedgerFacts;
use crate::verify::VerifiedRelease;

/// A sentence from a clause.
pub(super) fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if sentence.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

/// Why a guarantee holds.
pub(super) fn holds(id: &str, release: &VerifiedRelease, development: bool) -> String {
    let text = match id {
        "G1" => {
            let (version, epoch, site) = (release.manifest().short(), release.epoch().short(), release.site());
            match release.ledger() {
                None => format!(
                    "The answer is over the table version {version} and the consent epoch {epoch} that your anchors name \
                     for {site}."
                ),
                Some(facts) => format!(
                    "The answer is over the table version {version} and the consent epoch {epoch} that {site} registered on the \
                     ledger before the query; query, acceptance and answer stand there after them, under the operator's \
                     checkpoint of {} transactions at {}. {} approved the study, {} asked: each by their own signature.",
                    facts.checkpoint.size, facts.checkpoint.time, facts.board, facts.sponsor
                ),
            }
        }
        "G2" => "The proof shows that every consenting row that matches is in the numbers, once.".to_owned(),
        "G3" => "The proof shows that the numbers are those of this question under this policy.".to_owned(),
        "G4" => format!(
            "The proof shows that only rows with the flag {} in the consent epoch are counted.",
            release.plan().conditions.first().map_or_else(String::new, |consent| consent.column.name.clone())
        ),
        "G6" => match release.rule().noised() {
            Some(params) => format!(
                "Every number has the discrete Laplace noise of a seed that the hospital registered before the query and of two \
                 nonces, the sponsor's and the board's, that were committed to before and opened after it had accepted; delta is \
                 at most {}, per row of the table.",
                params.delta()
            ),
            None => "There is no noise.".to_owned(),
        },
        "G5" if release.rule().noised().is_some() => {
            "The proof shows that groups are suppressed by their noised count, and numbers rounded, as the policy says."
                .to_owned()
        }
        _ => "The proof shows that small groups are suppressed and numbers rounded as the policy says.".to_owned(),
    };
    if development { format!("{text} (Trial: you accepted a development key, whose maker could forge.)") } else { text }
}

/// The anchors that a verdict rests on.
pub(super) fn anchors_used(bundle: &Bundle, anchors: &Anchors) -> Vec<AnchorUsed> {
    let mut used = vec![("all anchors together".to_owned(), anchors.digest())];
    if let Some(site) = anchors.site(&bundle.site) {
        used.push((format!("manifest of {}", site.site), site.manifest));
        used.push((format!("consent epoch of {}", site.site), site.epoch));
        used.push((format!("policy floor of {}", site.site), site.policy_floor));
    }
    if let Ok(pin) = bundle.request.site(&bundle.site)
        && let Some(key) = anchors.key(&pin.verifying_key)
    {
        let kind = match key.kind() {
            KeyKind::Development => "development key",
            KeyKind::Ceremony => "ceremony key",
        };
        used.push((format!("verifying key of shape {} ({kind})", key.shape()), key.id()));
    }
    if let Some(charter) = anchors.charter() {
        used.push((format!("charter of the ledger {}", charter.name), charter.digest()));
    }
    let approval = bundle.approval.digest();
    if anchors.approves(&approval) {
        used.push(("approval".to_owned(), approval));
    }
    used.into_iter().map(|(what, digest)| AnchorUsed { what, digest, fingerprint: digest.short() }).collect()
}

/// What no proof of this kind can show.
pub(super) fn not_proved(
    bundle: &Bundle,
    development: bool,
    known: &Known,
    ledger: Option<&LedgerFacts>,
) -> Vec<String> {
    let mut list: Vec<String> = [
        "That the table tells the truth: invented rows, or wrong values, are proved as faithfully as right ones.",
        "That one patient is one row: uniqueness of patients is not proved in this version.",
        "That the consent record is the patients' own word: it is what the hospital recorded in this epoch.",
        "That several answers cannot be compared with one another: suppression and rounding protect one answer at a \
         time.",
        "That nobody learns more by combining these numbers with what they know from elsewhere.",
        "More than about 100 bits of security, the present estimate for the curve BN254.",
    ]
    .map(str::to_owned)
    .into();
    if bundle.request.noise.laplace().is_some() {
        list.push(
            "That nobody but the site knows the noise: it could tell others the seed, or its table. And what is promised holds \
             for as much epsilon as was spent on these patients everywhere, at other sites too."
                .to_owned(),
        );
    }
    list.push(match ledger {
        None => "That you were shown every answer given under this approval: there is no ledger here.".to_owned(),
        Some(_) => {
            "That you were shown every answer given under this approval, and that nothing newer was registered before the \
             query: audit an export of the ledger with --study for that."
                .to_owned()
        }
    });
    if ledger.is_none() && known.request.is_none() {
        list.push(format!(
            "That this is the question that was put to the site: compare the request {} with the one that the sponsor \
             or the board holds, or give it to the audit.",
            bundle.request.digest().short()
        ));
    }
    if known.asked_on.is_none() {
        list.push(format!(
            "When the query was asked{}. The approval ends on {}.",
            ledger.map_or_else(
                || ": there is no ledger here".to_owned(),
                |facts| format!(", but that it was by {}", facts.checkpoint.time)
            ),
            bundle.approval.expires
        ));
    }
    if development {
        list.push("Anything against the maker of the development key, who could forge every proof.".to_owned());
    }
    list
}
