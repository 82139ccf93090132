//! Every rule of admission has a transaction that breaks only it.
//!
//! Each is refused by the variant that it is listed under, with its sentence; the state stays what it was; and with
//! the cause mended it is admitted.

use std::collections::BTreeSet;

use cohortium_protocol::ledger::{Statement, Timestamp, Transaction};
use cohortium_tests::exchange::attempt;
use cohortium_verifier::ledger::{Admitted, Plans, Refusal, State, Verification};

use crate::{answering, asking, budgets, consents, noise, policies, registering, tables};

/// The variants, from one list: one that is added to [`Refusal`] does not compile until it is listed here, and does
/// not pass until it has a case.
macro_rules! kinds {
    ($($variant:ident)*) => {
        const KINDS: &[&str] = &[$(stringify!($variant)),*];

        fn kind(refusal: &Refusal) -> &'static str {
            match refusal {
                $(Refusal::$variant { .. } => stringify!($variant),)*
            }
        }
    };
}

kinds! {
    Form Ledger UnknownMember Role Duplicate OtherSite Registry Disagree Number NoKey Unknown Study Approval NotInForce
    NotYours Request NotActive Compile Plan Policy NoConsents Cap Sites Quota LockedOut Near Waiting Budget Noise Epsilon Beacon
    Decided NotAccepted Answered Late Audit
    DevelopmentKey Unverified
    TableProof BatchSize BatchInterval NoRecord Cutoff Events StaleEvents Until EpochEnded
}

/// Variants that no transaction can reach, and why; their sentences are tested where they are made.
const UNREACHABLE: &[(&str, &str)] =
    &[("Plan", "every plan that compiling gives has passed the same checks, so they only guard against the compiler")];

/// One transaction with its state and moment; and how it was verified, where that is not by the auditor's function.
pub(crate) struct Try {
    pub(crate) state: State,
    pub(crate) time: Timestamp,
    pub(crate) transaction: Transaction,
    pub(crate) verification: Option<Verification>,
}

impl Try {
    pub(crate) fn new(state: &State, time: Timestamp, transaction: Transaction) -> Self {
        Self { state: state.clone(), time, transaction, verification: None }
    }

    pub(crate) fn verified(mut self, verification: Verification) -> Self {
        self.verification = Some(verification);
        self
    }

    fn go(&mut self) -> Result<Admitted, Refusal> {
        let dry = self.dry();
        let outcome = match &self.verification {
            None => attempt(&mut self.state, &self.transaction, self.time),
            Some(verification) => self.state.admit(&self.transaction, self.time, verification),
        };
        let posted = outcome.as_ref().map(drop).map_err(Refusal::clone);
        // What a signature or an earlier posting decides is not for a dry run to say.
        let signed = !posted.as_ref().is_err_and(|refusal| ["Form", "Ledger", "Duplicate"].contains(&kind(refusal)));
        if let Some(dry) = dry.filter(|_| signed) {
            assert_eq!(dry, posted, "a dry run says something else than the rules");
        }
        outcome
    }

    /// What a dry run says of the query of an approval's sponsor; nothing of anything else.
    fn dry(&self) -> Option<Result<(), Refusal>> {
        let Statement::Query { request } = &self.transaction.statement else { return None };
        let sites: Vec<String> = request.sites.iter().map(|pin| pin.site.clone()).collect();
        let part = self.state.dry_run(&request.approval, &sites, &request.query.table)?;
        let sponsor = part.approval().sponsor == self.transaction.member;
        sponsor.then(|| part.check(request, self.time, &mut Plans::new()))
    }
}

/// A transaction that breaks one rule.
pub(crate) struct Case {
    /// The variant.
    pub(crate) kind: &'static str,
    /// What is wrong with it.
    pub(crate) what: &'static str,
    /// A part of the sentence.
    pub(crate) says: String,
    /// The transaction that is refused.
    pub(crate) bad: Try,
    /// What is admitted once the cause is mended.
    pub(crate) mended: Try,
}

/// A case under its variant.
pub(crate) fn case(kind: &'static str, what: &'static str, says: impl Into<String>, bad: Try, mended: Try) -> Case {
    Case { kind, what, says: says.into(), bad, mended }
}

/// What is wrong with a case, or the rule's name.
fn check(case: Case) -> Result<&'static str, String> {
    let Case { kind: expected, what, says, mut bad, mut mended } = case;
    let wrong = |text: String| Err(format!("{expected}, {what}: {text}"));
    let before = (bad.state.digest(), bad.state.tree().root());
    let refusal = match bad.go() {
        Ok(admitted) => return wrong(format!("admitted at {}", admitted.index)),
        Err(refusal) => refusal,
    };
    let sentence = refusal.to_string();
    if kind(&refusal) != expected || !sentence.contains(&says) {
        return wrong(format!("{} says: {sentence}", kind(&refusal)));
    }
    if sentence.contains("  ") || sentence.contains('\n') || sentence.ends_with('.') {
        return wrong(format!("no plain sentence: {sentence:?}"));
    }
    if (bad.state.digest(), bad.state.tree().root()) != before {
        return wrong("the refusal changed the state".to_owned());
    }
    let size = mended.state.tree().len();
    let unmended = mended.state.digest();
    match mended.go() {
        Err(refusal) => wrong(format!("mended, and refused: {refusal}")),
        Ok(admitted) if admitted.index != size || mended.state.place(&mended.transaction.id()) != Some(size) => {
            wrong(format!("mended, and at {} of {size}", admitted.index))
        }
        Ok(_) if mended.state.digest() == unmended => wrong("mended, and nothing changed".to_owned()),
        Ok(_) => Ok(refusal.rule()),
    }
}

#[test]
fn each_rule_refuses_what_breaks_it_and_nothing_else() {
    let cases = [
        registering::cases(),
        asking::cases(),
        policies::cases(),
        budgets::cases(),
        answering::cases(),
        noise::cases(),
        consents::cases(),
        tables::cases(),
    ];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    let seen: BTreeSet<&str> = cases.iter().map(|case| case.kind).collect();
    let (good, wrong): (Vec<_>, Vec<_>) = cases.into_iter().map(check).partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rules: BTreeSet<&str> = good.into_iter().filter_map(Result::ok).collect();
    for name in KINDS {
        let unreachable = UNREACHABLE.iter().any(|(kind, _)| kind == name);
        assert_ne!(seen.contains(name), unreachable, "{name} has no case");
    }
    assert_eq!(rules.len(), seen.len(), "each variant has a rule's name of its own: {rules:?}");
    let form = |rule: &&str| rule.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    assert!(rules.iter().all(form));
}
