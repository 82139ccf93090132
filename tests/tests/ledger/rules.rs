//! Every rule of admission has a transaction that breaks only it.
//!
//! Each is refused by the variant that it is listed under, with its sentence; the state stays what it was; and with
//! the cause mended it is admitted.

use std::collections::BTreeSet;

use cohortium_protocol::ledger::{Timestamp, Transaction};
use cohortium_tests::exchange::attempt;
use cohortium_verifier::ledger::{Admitted, Refusal, State, Verification};

use crate::{asking, registering};

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
    NotYours Request NotActive Compile Plan Policy NoConsents Cap Budget Decided NotAccepted Answered Late Audit
    DevelopmentKey Unverified
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
        match &self.verification {
            None => attempt(&mut self.state, &self.transaction, self.time),
            Some(verification) => self.state.admit(&self.transaction, self.time, verification),
        }
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

#[test]
fn each_rule_refuses_what_breaks_it_and_nothing_else() {
    let cases: Vec<Case> = registering::cases().into_iter().chain(asking::cases()).collect();
    let mut seen = BTreeSet::new();
    let mut rules = BTreeSet::new();
    for Case { kind: expected, what, says, mut bad, mut mended } in cases {
        let before = (bad.state.digest(), bad.state.tree().root());
        let refusal = bad.go().map(|admitted| panic!("{expected}, {what}: admitted at {}", admitted.index)).unwrap_err();
        assert_eq!(kind(&refusal), expected, "{what}: {refusal}");
        let sentence = refusal.to_string();
        assert!(sentence.contains(&says), "{expected}, {what}: {sentence}");
        assert!(!sentence.contains("  ") && !sentence.contains('\n') && !sentence.ends_with('.'), "{sentence:?}");
        assert_eq!((bad.state.digest(), bad.state.tree().root()), before, "{expected}, {what}: a refusal changes nothing");
        let size = mended.state.tree().len();
        let admitted = mended.go().unwrap_or_else(|refusal| panic!("{expected}, {what}, mended: {refusal}"));
        assert_eq!((admitted.index, mended.state.tree().len()), (size, size + 1));
        assert_eq!(mended.state.place(&mended.transaction.id()), Some(size));
        assert_ne!(mended.state.digest(), before.0);
        seen.insert(expected);
        rules.insert(refusal.rule());
    }
    for name in KINDS {
        let unreachable = UNREACHABLE.iter().any(|(kind, _)| kind == name);
        assert_ne!(seen.contains(name), unreachable, "{name} has no case");
    }
    assert_eq!(rules.len(), seen.len(), "each variant has a rule's name of its own: {rules:?}");
    let form = |rule: &&str| rule.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    assert!(rules.iter().all(form));
}
