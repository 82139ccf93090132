//! The charter, `cohortium-charter/1`: who the members are. It founds the chain, and its digest names the ledger.

use serde::{Deserialize, Serialize};

use super::key::PublicKey;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::shape::Shape;
use crate::table::{Day, SponsorClass};
use crate::text::is_line;

/// The format this code reads and writes.
pub const CHARTER_FORMAT: &str = "cohortium-charter/1";
/// The largest charter that is read.
pub const MAX_CHARTER_BYTES: usize = 4 << 20;
/// Members at most.
pub const MAX_MEMBERS: usize = 4096;
/// Characters of a member's name at most, as of a site's.
const MAX_NAME: usize = 120;
/// Characters of a ledger's name at most.
const MAX_LEDGER: usize = 60;
/// The longest time that sites may be given, in seconds: ten years.
const MAX_SECONDS: u64 = 10 * 366 * 86_400;

/// What a member is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Asks queries.
    Sponsor,
    /// Registers tables and answers.
    Hospital,
    /// Approves studies.
    Board,
    /// Runs the ledger.
    Operator,
}

impl Role {
    /// The name in files, and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sponsor => "sponsor",
            Self::Hospital => "hospital",
            Self::Board => "board",
            Self::Operator => "operator",
        }
    }
}

/// A member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The name: a hospital's is its site's name, a sponsor's the one that approvals bear.
    pub name: String,
    /// What it is there for.
    pub role: Role,
    /// A sponsor's kind, which decides which consents count; nothing for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<SponsorClass>,
    /// Its public key.
    pub key: PublicKey,
}

/// The one verifying key of a shape.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPin {
    /// The shape's name.
    pub shape: String,
    /// The key's id.
    pub id: Digest,
}

/// How consents are kept: batches of events, and the age of epochs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRules {
    /// The interval in which a hospital posts one batch of consent events, in seconds.
    pub batch_seconds: u64,
    /// Leaves of such a batch, events and dummies: a power of two.
    pub batch_leaves: u32,
    /// How many days after the day of its posting an epoch may be queried, at most.
    pub epoch_days: u32,
}

impl ConsentRules {
    /// The rules of a charter that has none: a batch of 64 a day, epochs of a month.
    pub const USUAL: Self = Self { batch_seconds: 86_400, batch_leaves: 64, epoch_days: 31 };
}

/// Leaves of a batch of consent events at most: every patient of the largest table has one.
pub const MAX_BATCH_LEAVES: u32 = 1 << 20;

/// Days that an epoch may be queried at most: ten years.
const MAX_EPOCH_DAYS: u64 = 3_660;

/// Who the members of a ledger are, and by which rules of time it goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawCharter", into = "RawCharter")]
pub struct Charter {
    /// The ledger's name: lower-case letters, digits and hyphens.
    pub name: String,
    /// The day on which it was founded: two ledgers of the same members differ.
    pub founded: Day,
    /// The members.
    pub members: Vec<Member>,
    /// The verifying keys, one a shape.
    pub verifying_keys: Vec<KeyPin>,
    /// Whether proofs under development keys are admitted, for trials. Whoever made such a key can forge.
    pub accept_development_keys: bool,
    /// How long a site has to accept or decline a query, in seconds from the query's block.
    pub acceptance_seconds: u64,
    /// How long a site that accepted has to answer, in seconds from the acceptance's block.
    pub answer_seconds: u64,
    /// How often one approval may have one column of a manifest or an epoch opened.
    pub opening_share: u32,
    /// How consents are kept; without, [`ConsentRules::USUAL`].
    pub consents: Option<ConsentRules>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCharter {
    format: String,
    name: String,
    founded: Day,
    members: Vec<Member>,
    verifying_keys: Vec<KeyPin>,
    #[serde(default)]
    accept_development_keys: bool,
    acceptance_seconds: u64,
    answer_seconds: u64,
    opening_share: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consents: Option<ConsentRules>,
}

/// Why a file is not a charter.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CharterError {
    /// Beyond the limit.
    #[error("the charter has {found} bytes; at most {MAX_CHARTER_BYTES} are read")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or not this structure.
    #[error("the charter cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the charter's format is {found:?}; this version reads {CHARTER_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A ledger's name that is none.
    #[error(
        "the ledger's name {found:?} is refused: write 1 to {MAX_LEDGER} lower-case letters, digits and hyphens, a letter first"
    )]
    Name {
        /// What was found, shortened.
        found: String,
    },
    /// A member's name that is none.
    #[error(
        "member {place}'s name {found:?} is refused: one line of 1 to {MAX_NAME} printable characters, no space at either end"
    )]
    MemberName {
        /// Its place in the list, from 1.
        place: usize,
        /// What was found, shortened.
        found: String,
    },
    /// Nobody, or too many.
    #[error("the charter has {found} members; from 1 to {MAX_MEMBERS} are allowed")]
    Members {
        /// How many.
        found: usize,
    },
    /// One name, or one key, for two members.
    #[error("two members have the {what} {found}")]
    Twice {
        /// `name` or `key`.
        what: &'static str,
        /// What both have.
        found: String,
    },
    /// A sponsor without a class, or a class of somebody else.
    #[error("{name:?} is a {role}: {rule}")]
    Class {
        /// The member.
        name: String,
        /// Its role.
        role: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
    /// Not one operator.
    #[error("the charter names {found} operators; in this version a ledger has exactly one")]
    Operators {
        /// How many.
        found: usize,
    },
    /// A shape that does not exist, or two keys for one.
    #[error("the verifying key {id} is for the shape {shape:?}: {rule}")]
    Key {
        /// The shape's name, shortened.
        shape: String,
        /// The key's id.
        id: Digest,
        /// What is allowed.
        rule: String,
    },
    /// A time or number out of its range.
    #[error("the charter's {field} is {found}; from 1 to {most} is allowed")]
    Range {
        /// Which field.
        field: &'static str,
        /// What was found.
        found: u64,
        /// The most.
        most: u64,
    },
    /// A batch whose events do not make a whole tree.
    #[error("the charter's batch_leaves is {found}: a power of two from 2 to {MAX_BATCH_LEAVES} is allowed")]
    Leaves {
        /// What was found.
        found: u32,
    },
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

impl TryFrom<RawCharter> for Charter {
    type Error = CharterError;

    fn try_from(raw: RawCharter) -> Result<Self, CharterError> {
        if raw.format != CHARTER_FORMAT {
            return Err(CharterError::Format { found: shorten(&raw.format) });
        }
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let first = raw.name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        if !first || raw.name.len() > MAX_LEDGER || !raw.name.chars().all(letter) {
            return Err(CharterError::Name { found: shorten(&raw.name) });
        }
        check_members(&raw.members)?;
        for (place, KeyPin { shape, id }) in raw.verifying_keys.iter().enumerate() {
            let refuse = |rule: String| CharterError::Key { shape: shorten(shape), id: *id, rule };
            if Shape::by_name(shape).is_none() {
                return Err(refuse(format!("there are {}", Shape::names())));
            }
            if raw.verifying_keys[..place].iter().any(|before| before.shape == *shape) {
                return Err(refuse("the charter has one for it already, and a shape has one key".to_owned()));
            }
        }
        let ranges = [
            ("acceptance_seconds", raw.acceptance_seconds, MAX_SECONDS),
            ("answer_seconds", raw.answer_seconds, MAX_SECONDS),
            ("opening_share", u64::from(raw.opening_share), u64::from(u32::MAX)),
        ];
        let consents = raw.consents.unwrap_or(ConsentRules::USUAL);
        let of_consents = [
            ("batch_seconds", consents.batch_seconds, MAX_SECONDS),
            ("epoch_days", u64::from(consents.epoch_days), MAX_EPOCH_DAYS),
        ];
        for (field, found, most) in ranges.into_iter().chain(of_consents) {
            if found == 0 || found > most {
                return Err(CharterError::Range { field, found, most });
            }
        }
        let leaves = consents.batch_leaves;
        if !leaves.is_power_of_two() || !(2..=MAX_BATCH_LEAVES).contains(&leaves) {
            return Err(CharterError::Leaves { found: leaves });
        }
        let RawCharter { name, founded, members, verifying_keys, accept_development_keys, .. } = raw;
        let RawCharter { acceptance_seconds, answer_seconds, opening_share, consents, .. } = raw;
        Ok(Self {
            name,
            founded,
            members,
            verifying_keys,
            accept_development_keys,
            acceptance_seconds,
            answer_seconds,
            opening_share,
            consents,
        })
    }
}

fn check_members(members: &[Member]) -> Result<(), CharterError> {
    if members.is_empty() || members.len() > MAX_MEMBERS {
        return Err(CharterError::Members { found: members.len() });
    }
    let (mut names, mut keys) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for (place, member) in members.iter().enumerate() {
        let Member { name, role, class, key } = member;
        if !is_line(name, MAX_NAME) {
            return Err(CharterError::MemberName { place: place + 1, found: shorten(name) });
        }
        if !names.insert(name) {
            return Err(CharterError::Twice { what: "name", found: name.clone() });
        }
        if !keys.insert(key) {
            return Err(CharterError::Twice { what: "key", found: key.to_string() });
        }
        let rule = match (role, class) {
            (Role::Sponsor, None) => Some("a sponsor has a class, academic or commercial"),
            (Role::Hospital | Role::Board | Role::Operator, Some(_)) => Some("only sponsors have a class"),
            _ => None,
        };
        if let Some(rule) = rule {
            return Err(CharterError::Class { name: name.clone(), role: role.name(), rule });
        }
    }
    match members.iter().filter(|member| member.role == Role::Operator).count() {
        1 => Ok(()),
        found => Err(CharterError::Operators { found }),
    }
}

impl From<Charter> for RawCharter {
    fn from(charter: Charter) -> Self {
        let Charter { name, founded, members, verifying_keys, accept_development_keys, .. } = charter;
        let Charter { acceptance_seconds, answer_seconds, opening_share, consents, .. } = charter;
        Self {
            format: CHARTER_FORMAT.to_owned(),
            name,
            founded,
            members,
            verifying_keys,
            accept_development_keys,
            acceptance_seconds,
            answer_seconds,
            opening_share,
            consents,
        }
    }
}

impl Charter {
    /// Reads a charter file.
    pub fn parse(json: &str) -> Result<Self, CharterError> {
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        if json.len() > MAX_CHARTER_BYTES {
            return Err(CharterError::Size { found: json.len() });
        }
        let unreadable = |error: serde_json::Error| CharterError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != CHARTER_FORMAT {
            return Err(CharterError::Format { found: shorten(&head.format) });
        }
        serde_json::from_str::<RawCharter>(json).map_err(unreadable)?.try_into()
    }

    /// The digest over every field.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::CHARTER);
        hasher.str(&self.name).u64(u64::from(self.founded.days())).u64(self.members.len() as u64);
        for Member { name, role, class, key } in &self.members {
            hasher.str(name).str(role.name()).u64(u64::from(class.is_some()));
            if let Some(class) = class {
                hasher.str(&class.to_string());
            }
            hasher.bytes(&key.to_bytes());
        }
        hasher.u64(self.verifying_keys.len() as u64);
        for KeyPin { shape, id } in &self.verifying_keys {
            hasher.str(shape).digest(id);
        }
        hasher.u64(u64::from(self.accept_development_keys)).u64(self.acceptance_seconds).u64(self.answer_seconds);
        hasher.u64(u64::from(self.opening_share));
        // Only where there are some: charters without keep their digests, and their ledgers their names.
        if let Some(ConsentRules { batch_seconds, batch_leaves, epoch_days }) = &self.consents {
            hasher.str("consents").u64(*batch_seconds).u64(u64::from(*batch_leaves)).u64(u64::from(*epoch_days));
        }
        hasher.finish()
    }

    /// How consents are kept.
    pub fn consent_rules(&self) -> ConsentRules {
        self.consents.unwrap_or(ConsentRules::USUAL)
    }

    /// The ledger's id, which requests and transactions bear: its name and the charter's digest. So two ledgers
    /// with different members, keys or rules are never taken for one another.
    pub fn ledger(&self) -> String {
        format!("{}/{}", self.name, self.digest())
    }

    /// A member by name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The operator. A checked charter has one.
    pub fn operator(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.role == Role::Operator)
    }

    /// The id of a shape's verifying key.
    pub fn verifying_key(&self, shape: &str) -> Option<Digest> {
        self.verifying_keys.iter().find(|pin| pin.shape == shape).map(|pin| pin.id)
    }
}

#[cfg(test)]
mod tests;
