//! Open queries: checked, then accepted by a rule, or left to a person.

use cohortium_client::QuerySummary;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Statement;
use serde_json::json;

use super::super::prove::answer::{Basis, consider};
use super::link::About;
use super::pass::Pass;
use crate::cli::{Failure, about};
use crate::faults::Stage;
use crate::store::{Asked, By, Decided, Note};

/// What is said in public when a person has to decide. No more: rules and the site's state are its own.
const NO_RULE: &str = "no standing rule of this site covers the query; a person decides";
const NOT_PASSED: &str = "the site's own check of the query did not pass; a person looks at it";
const NO_TIME: &str = "the site may not be able to answer in time; a person decides";
/// How many times the estimated time there has to be.
const TIME_MARGIN: u64 = 3;

/// What came of looking at a query.
pub(super) enum Looked {
    /// A rule accepts it.
    Accept {
        /// The rule.
        rule: String,
    },
    /// A person has to decide.
    Hold {
        /// For everybody.
        public: &'static str,
        /// For the site.
        private: String,
        /// Whether a person may accept it.
        acceptable: bool,
    },
}

impl Pass<'_> {
    /// Looks at a query that was not decided: accepts it by a rule, or asks for a person, once.
    pub(super) fn consider(&mut self, summary: &QuerySummary) -> Result<(), Failure> {
        if let Some(mut note) = self.home.note(&summary.request)? {
            if note.closed.is_some() || note.released.is_some() {
                return Ok(());
            }
            if note.decision.is_some() {
                // Decided, and the ledger does not show it: the process died, or the ledger was out of reach.
                return self.post_decision(&mut note);
            }
        }
        if self.home.paused()?.is_some() {
            return Ok(());
        }
        let (mut note, request, approval) = match self.known(summary) {
            Ok(known) => known,
            // What the ledger cannot show is no query: nothing is said about it there.
            Err(failure) => return self.not_believed(summary, failure),
        };
        if let Some(why) = self.not_in_force(&request.approval)? {
            let sentence = format!("not accepted: the study's approval is not in force: {why}");
            self.event("not_in_force", Some(&note), &sentence, json!({ "approval": request.approval, "because": why }));
            return Ok(());
        }
        match self.look(&request, &approval, &mut |_| Ok(()))? {
            Looked::Accept { rule } => {
                self.event("rule", Some(&note), &format!("covered by the rule {rule:?}"), json!({ "rule": rule }));
                self.accept(&mut note, By::Rule(rule))
            }
            Looked::Hold { public, private, .. } => self.hold(&mut note, public, private),
        }
    }

    /// Says that a query is not what the service says; or passes on that the ledger is out of reach.
    pub(super) fn not_believed(&mut self, summary: &QuerySummary, failure: Failure) -> Result<(), Failure> {
        if failure.exit != 1 {
            return Err(failure);
        }
        self.tally.failed += 1;
        let sentence = format!("{}: {}", summary.id.short(), failure.sentence);
        self.event("not_believed", None, &sentence, json!({ "query": summary.id, "request": summary.request }));
        Ok(())
    }

    /// Checks a query as it is checked before proving, and asks the rules. `show` is given what would leave.
    pub(super) fn look(
        &mut self,
        request: &Request,
        approval: &Approval,
        show: &mut dyn FnMut(&str) -> Result<(), Failure>,
    ) -> Result<Looked, Failure> {
        let (all, under) = self.owed()?;
        let under = under.get(&request.approval).copied().unwrap_or(0);
        let charter = self.link.trusted.charter().clone();
        let (rules, by_rule) = (self.home.rules()?, self.home.accepted_by_rule()?);
        let hold = |public, private, acceptable| Ok(Looked::Hold { public, private, acceptable });
        if let Err(why) = self.check_seeds(request) {
            return hold(NOT_PASSED, why, false);
        }
        let accepted = self.accepted_epsilon(request, &approval.study)?;
        let basis = Basis::Considered { charter: &charter, today: self.setting.today()?, owed: (all, under), accepted };
        let mut looked = None;
        let checked = consider(self.setting, &self.home, (request, approval), basis, &self.budget, &mut |preview| {
            show(&preview.text()?)?;
            let seconds = preview.time().as_secs() + 1;
            let needed = TIME_MARGIN * seconds * (u64::from(all) + 1);
            let columns = preview.columns();
            let purpose = approval.consent.purpose();
            let asked =
                Asked { study: &approval.study, sponsor: &approval.sponsor, purpose: &purpose, columns: &columns };
            looked = Some(if needed > charter.answer_seconds {
                let private = format!(
                    "a proof takes {} and {all} are owed already; the charter gives {} seconds",
                    about(preview.time()),
                    charter.answer_seconds
                );
                Looked::Hold { public: NO_TIME, private, acceptable: true }
            } else {
                match rules.covering(&asked, &by_rule) {
                    Ok(rule) => Looked::Accept { rule: rule.to_owned() },
                    Err(private) => Looked::Hold { public: NO_RULE, private, acceptable: true },
                }
            });
            Ok(())
        });
        match (checked, looked) {
            (Ok(()), Some(looked)) => Ok(looked),
            // Either the site's documents, budget, policy or keys refuse.
            (Err(failure), _) => hold(NOT_PASSED, failure.sentence, false),
            (Ok(()), None) => hold(NOT_PASSED, "nothing was decided".to_owned(), false),
        }
    }

    /// The seed tree that a query pins is the site's own, or both have none.
    fn check_seeds(&self, request: &Request) -> Result<(), String> {
        let pin = request.site(self.home.site()).map_err(|error| error.to_string())?;
        let own = self.home.seeds().map_err(|error| error.to_string())?.map(|seeds| seeds.root);
        let word = |root: Option<Digest>| root.map_or_else(|| "none".to_owned(), |root| root.to_string());
        if pin.seeds == own {
            // With noise, the seed has to be there when its time comes.
            let Some(leaf) = pin.seed_leaf else { return Ok(()) };
            // A ledger by its rules gives every query a leaf of its own.
            let (seed, digest) = (pin.seeds.map(|root| (root, leaf)), request.digest());
            let notes = self.home.notes().map_err(|error| error.to_string())?;
            let is_taken = |note: &&Note| {
                let noise = note.noise.as_ref().filter(|_| matches!(note.decision, Some(Decided::Accepted { .. })));
                note.request != digest && noise.is_some_and(|noise| noise.seed == seed)
            };
            if let Some(other) = notes.iter().find(is_taken) {
                return Err(format!(
                    "the request pins the seed {leaf}, and so does {}, which was accepted",
                    other.request
                ));
            }
            return self.home.seed(leaf).map(drop).map_err(|error| error.to_string());
        }
        Err(format!("of seed trees the request pins {}, the site has {}", word(pin.seeds), word(own)))
    }

    /// Notes an acceptance and posts it.
    pub(super) fn accept(&mut self, note: &mut Note, by: By) -> Result<(), Failure> {
        note.decision = Some(Decided::Accepted { by });
        self.home.keep_note(note)?;
        Stage::RunDecided.pass();
        self.post_decision(note)
    }

    /// Says once, in public, that a person has to decide; notes why, for the site.
    fn hold(&mut self, note: &mut Note, public: &str, private: String) -> Result<(), Failure> {
        let changed = note.because.as_ref() != Some(&private);
        if note.held.is_some() && !changed {
            return Ok(());
        }
        note.because = Some(private.clone());
        if note.held.is_none() {
            let request = note.request;
            let statement = Statement::Hold { request, reason: public.to_owned() };
            let about = About { request: Some(request), cells: None, recorded: Stage::RunHoldRecorded };
            if let Err(error) = self.link.post(self.setting, &self.home, &mut self.outgoing, statement, about)? {
                return self.refused(note, error);
            }
            Stage::RunHoldPosted.pass();
            note.held = Some(public.to_owned());
            self.tally.held += 1;
        }
        self.home.keep_note(note)?;
        let sentence = format!("waits for a person: {private}");
        self.event("hold", Some(note), &sentence, json!({ "public": note.held, "because": private }));
        Ok(())
    }
}
