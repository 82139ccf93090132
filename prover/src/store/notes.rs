//! What the site noted about a query, `asked/DIGEST.json`: its decision, and what of it the ledger has acknowledged.
//!
//! A note is for people and saves questions to the ledger. Nothing rests on it alone: a decision stands on the ledger, a
//! release is kept among the releases, and what left is in the record of what left.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::files::{self, Readers};
use super::site::{check_format, json, read_json};
use super::{Home, StoreError};

const NOTE_FORMAT: &str = "cohortium-query-note/1";
const ASKED: &str = "asked";

/// Who or what decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum By {
    /// An allow rule of this name.
    Rule(String),
    /// A person.
    Person,
    /// The site's own acceptance stood on the ledger before this home decided: the home was restored. Never posted.
    Ledger,
}

/// The site's decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "decided", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Decided {
    /// It will answer.
    Accepted {
        /// Who decided.
        by: By,
    },
    /// It will not.
    Declined {
        /// Why.
        reason: String,
    },
}

/// Where a transaction of this site stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standing {
    /// Its place among all transactions.
    pub(crate) index: u64,
    /// A time by which it stood there: that of the signed checkpoint under which it was first seen to be included.
    pub(crate) time: Timestamp,
}

/// A note.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    format: String,
    /// The request's digest.
    pub(crate) request: Digest,
    /// The query transaction's id.
    pub(crate) query: Digest,
    /// The approval's digest.
    pub(crate) approval: Digest,
    /// The study.
    pub(crate) study: String,
    /// Who asks.
    pub(crate) sponsor: String,
    /// What is asked.
    pub(crate) title: String,
    /// The reason that was posted when a person was asked to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<String>,
    /// The same in full, for the site alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
    /// The decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<Decided>,
    /// Where the decision stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) acknowledged: Option<Standing>,
    /// Where the release stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) released: Option<Standing>,
    /// Why nothing will come of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<String>,
    /// With noise: what it spends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) noise: Option<NotedNoise>,
}

/// What a query with noise spends of epsilon.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotedNoise {
    /// At which table.
    pub(crate) table: String,
    /// The sum of its epsilons, in millionths.
    pub(crate) price: u64,
    /// Of which tree of seeds it takes which leaf.
    pub(crate) seed: Option<(Digest, u32)>,
}

impl Note {
    /// A note about a query of which nothing is known yet.
    pub(crate) fn new(
        (request, query, approval): (Digest, Digest, Digest),
        study: String,
        sponsor: String,
        title: String,
    ) -> Self {
        Self {
            format: NOTE_FORMAT.into(),
            request,
            query,
            approval,
            study,
            sponsor,
            title,
            held: None,
            because: None,
            decision: None,
            acknowledged: None,
            released: None,
            closed: None,
            noise: None,
        }
    }

    /// Whether another note is about the same query, whatever was decided.
    pub(crate) fn is_about_the_same(&self, other: &Self) -> bool {
        let about = |note: &Self| (note.request, note.query, note.approval);
        let named = |note: &Self| [note.study.clone(), note.sponsor.clone(), note.title.clone()];
        about(self) == about(other) && named(self) == named(other)
    }

    /// Whether the site will answer and has not.
    pub(crate) fn is_owed(&self) -> bool {
        matches!(self.decision, Some(Decided::Accepted { .. })) && self.released.is_none() && self.closed.is_none()
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        match (&self.closed, &self.decision) {
            (Some(why), _) => format!("closed: {why}"),
            (None, _) if self.released.is_some() => "answered".to_owned(),
            (None, Some(Decided::Accepted { by })) => match by {
                By::Rule(name) => format!("accepted by the rule {name:?}"),
                By::Person => "accepted by a person".to_owned(),
                By::Ledger => "accepted before this home was restored".to_owned(),
            },
            (None, Some(Decided::Declined { reason })) => format!("declined: {reason}"),
            (None, None) => match self.because.as_ref().or(self.held.as_ref()) {
                Some(why) => format!("waits for a person: {why}"),
                None => "not decided".to_owned(),
            },
        }
    }
}

impl Home {
    /// All notes, by their requests' digests.
    pub(crate) fn notes(&self) -> Result<Vec<Note>, StoreError> {
        let folder = self.root().join(ASKED);
        let names = files::names_in(&folder)?.into_iter().filter(|name| !name.starts_with('.'));
        names
            .map(|name| {
                let path = folder.join(name);
                let note: Note = read_json(&path)?;
                check_format(&path, &note.format, NOTE_FORMAT)?;
                Ok(note)
            })
            .collect()
    }

    /// The note about a request.
    pub(crate) fn note(&self, request: &Digest) -> Result<Option<Note>, StoreError> {
        let path = self.root().join(ASKED).join(format!("{request}.json"));
        if !path.exists() {
            return Ok(None);
        }
        let note: Note = read_json(&path)?;
        check_format(&path, &note.format, NOTE_FORMAT)?;
        Ok(Some(note))
    }

    /// Keeps a note.
    pub(crate) fn keep_note(&self, note: &Note) -> Result<(), StoreError> {
        let folder = self.root().join(ASKED);
        files::make_folder(&folder)?;
        files::write(&folder.join(format!("{}.json", note.request)), &json(note), Readers::Owner)
    }
}
