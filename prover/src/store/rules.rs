//! The site's own allow rules, `rules.json`, format `cohortium-rules/1`: which queries are accepted without asking a
//! person. Nothing is allowed that no rule allows.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use cohortium_protocol::table::{ConsentColumn, SponsorClass};
use cohortium_protocol::text::is_line;
use serde::{Deserialize, Serialize};

use super::files::{self, Readers};
use super::site::json;
use super::{By, Decided, Home, StoreError};

const RULES_FORMAT: &str = "cohortium-rules/1";
const RULES_FILE: &str = "rules.json";
/// Rules at most.
const MAX_RULES: usize = 1000;
/// Characters of a rule's name, and of a name in it, at most.
const MAX_NAME: usize = 200;

/// One rule: it covers a query that fits every part of it that is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The rule's name; queries that it accepted are counted under it.
    pub(crate) name: String,
    /// The study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    study: Option<String>,
    /// The sponsor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sponsor: Option<String>,
    /// The purpose, as a DUO code, with the disease in brackets where one is named; it covers this purpose and no narrower
    /// one. There is no clause for the institution: it is the sponsor's own name, by the ledger's rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    /// Columns of the table that may be used; no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
    /// How many queries it accepts in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_queries: Option<u32>,
    /// That it covers everything has to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    everything: Option<bool>,
}

/// The rules of a site.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    format: String,
    /// In their order: the first that covers a query accepts it.
    pub(crate) allow: Vec<Rule>,
}

/// Why a file is not a site's rules.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum RulesError {
    /// Not JSON of this form.
    #[error("the rules cannot be read: {reason}")]
    Json {
        /// What the JSON reader says.
        reason: String,
    },
    /// Another format.
    #[error("the rules' format is {found:?}; this version reads {RULES_FORMAT:?}")]
    Format {
        /// What was found, shortened.
        found: String,
    },
    /// Too many.
    #[error("there are {found} rules; at most {MAX_RULES} are read")]
    Many {
        /// How many.
        found: usize,
    },
    /// Something that is no name.
    #[error("rule {place}: its {field} {found:?} is not 1 to {MAX_NAME} printable characters on one line")]
    Name {
        /// The rule's place, from 1.
        place: usize,
        /// Which field.
        field: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// Two rules of one name.
    #[error("two rules have the name {name:?}; queries are counted by the rule's name")]
    Twice {
        /// The name.
        name: String,
    },
    /// A rule that would cover everything without saying so.
    #[error(
        "the rule {name:?} names no study, sponsor, purpose or columns, so it would allow everything; if that is meant, write \
         \"everything\": true"
    )]
    Everything {
        /// The rule.
        name: String,
    },
    /// A rule for everything and for something.
    #[error("the rule {name:?}: {rule}")]
    Contradiction {
        /// The rule.
        name: String,
        /// What is allowed.
        rule: &'static str,
    },
}

/// What of a query the rules look at.
pub(crate) struct Asked<'a> {
    /// The study.
    pub(crate) study: &'a str,
    /// The sponsor.
    pub(crate) sponsor: &'a str,
    /// The purpose, as a DUO code, with the disease where one is named.
    pub(crate) purpose: &'a str,
    /// The columns of the table that its plan uses.
    pub(crate) columns: &'a BTreeSet<String>,
}

impl Rule {
    fn check(&self, place: usize) -> Result<(), RulesError> {
        let columns = self.columns.iter().flatten().map(|column| ("column", column));
        let names = [("study", &self.study), ("sponsor", &self.sponsor), ("purpose", &self.purpose)];
        let names = names.iter().filter_map(|(field, name)| Some((*field, name.as_ref()?)));
        for (field, text) in std::iter::once(("name", &self.name)).chain(names).chain(columns) {
            if !is_line(text, MAX_NAME) {
                return Err(RulesError::Name { place, field, found: text.chars().take(80).collect() });
            }
        }
        let name = self.name.clone();
        let wrong = |rule| Err(RulesError::Contradiction { name: self.name.clone(), rule });
        if self.purpose.as_ref().is_some_and(|duo| ConsentColumn::new(duo, SponsorClass::Academic).is_err()) {
            return wrong(
                "its purpose is no Data Use Ontology id: write \"DUO:\" and seven digits, after DUO:0000007 the disease's code in brackets",
            );
        }
        if self.columns.as_ref().is_some_and(Vec::is_empty) {
            return wrong("its columns are an empty list, which allows nothing; name them, or leave the clause out");
        }
        let narrow = self.study.is_some() || self.sponsor.is_some() || self.purpose.is_some() || self.columns.is_some();
        match (self.everything, narrow) {
            (Some(true), true) => wrong("\"everything\" stands beside clauses that narrow it; write one or the other"),
            (Some(false), _) => wrong("\"everything\": false says nothing; leave it out"),
            (None, false) => Err(RulesError::Everything { name }),
            _ => Ok(()),
        }
    }

    /// Why it does not cover a query; nothing if it does.
    fn misses(&self, asked: &Asked<'_>, accepted: u32) -> Option<String> {
        let clauses = [
            ("study", &self.study, asked.study),
            ("sponsor", &self.sponsor, asked.sponsor),
            ("purpose", &self.purpose, asked.purpose),
        ];
        for (clause, allowed, found) in clauses {
            if let Some(allowed) = allowed.as_ref().filter(|allowed| *allowed != found) {
                return Some(format!("its {clause} is {allowed:?}, the query's is {found:?}"));
            }
        }
        if let Some(allowed) = &self.columns
            && let Some(found) = asked.columns.iter().find(|column| !allowed.contains(column))
        {
            return Some(format!("the query uses the column {found:?}, which is not among its columns"));
        }
        let most = self.max_queries.filter(|most| accepted >= *most)?;
        Some(format!("it has accepted {accepted} queries, of {most} that it may"))
    }
}

impl Rules {
    /// No rules: everything waits for a person.
    pub(crate) fn none() -> Self {
        Self { format: RULES_FORMAT.into(), allow: Vec::new() }
    }

    /// Reads a file of rules.
    pub(crate) fn parse(text: &str) -> Result<Self, RulesError> {
        let rules: Self = serde_json::from_str(text).map_err(|error| RulesError::Json { reason: error.to_string() })?;
        if rules.format != RULES_FORMAT {
            return Err(RulesError::Format { found: rules.format.chars().take(80).collect() });
        }
        if rules.allow.len() > MAX_RULES {
            return Err(RulesError::Many { found: rules.allow.len() });
        }
        let mut names = BTreeSet::new();
        for (place, rule) in rules.allow.iter().enumerate() {
            rule.check(place + 1)?;
            if !names.insert(&rule.name) {
                return Err(RulesError::Twice { name: rule.name.clone() });
            }
        }
        Ok(rules)
    }

    /// The name of the first rule that covers a query; or why none does, for the site alone. `accepted` counts what
    /// each rule has accepted.
    pub(crate) fn covering(&self, asked: &Asked<'_>, accepted: &BTreeMap<String, u32>) -> Result<&str, String> {
        let mut reasons = Vec::new();
        for rule in &self.allow {
            match rule.misses(asked, accepted.get(&rule.name).copied().unwrap_or(0)) {
                None => return Ok(&rule.name),
                Some(why) => reasons.push(format!("rule {:?}: {why}", rule.name)),
            }
        }
        match reasons.is_empty() {
            true => Err("there are no allow rules".to_owned()),
            false => Err(reasons.join("; ")),
        }
    }

    /// In words, a rule a line.
    pub(crate) fn describe(&self, accepted: &BTreeMap<String, u32>) -> String {
        if self.allow.is_empty() {
            return "No allow rules: every query waits for a person.\n".to_owned();
        }
        let line = |rule: &Rule| {
            let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
            let parts = [
                rule.everything.map(|_| "EVERYTHING that an approval permits".to_owned()),
                part("study", &rule.study),
                part("sponsor", &rule.sponsor),
                part("purpose", &rule.purpose),
                rule.columns.as_ref().map(|columns| format!("only the columns {}", columns.join(", "))),
                rule.max_queries.map(|most| format!("at most {most} queries")),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            let count = accepted.get(&rule.name).copied().unwrap_or(0);
            format!("  {}: {} (accepted so far: {count})\n", rule.name, parts.join(", "))
        };
        let lines: String = self.allow.iter().map(line).collect();
        format!("Accepted without asking a person, by the first rule that covers it:\n{lines}Everything else waits.\n")
    }
}

impl Home {
    /// The rules; none if there is no file.
    pub(crate) fn rules(&self) -> Result<Rules, StoreError> {
        let path = self.root().join(RULES_FILE);
        if !path.exists() {
            return Ok(Rules::none());
        }
        let text = files::read_text(&path)?;
        Rules::parse(&text).map_err(|error| StoreError::Damaged { path, reason: error.to_string() })
    }

    /// Sets the rules.
    pub(crate) fn set_rules(&self, rules: &Rules) -> Result<(), StoreError> {
        files::write(&self.root().join(RULES_FILE), &json(rules), Readers::Owner)
    }

    /// How many queries each rule has accepted.
    pub(crate) fn accepted_by_rule(&self) -> Result<BTreeMap<String, u32>, StoreError> {
        let mut accepted = BTreeMap::new();
        for note in self.notes()? {
            if let Some(Decided::Accepted { by: By::Rule(name) }) = note.decision {
                *accepted.entry(name).or_insert(0) += 1;
            }
        }
        Ok(accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &str) -> Result<Rules, RulesError> {
        Rules::parse(&format!(r#"{{ "format": "cohortium-rules/1", "allow": [{allow}] }}"#))
    }

    #[test]
    fn what_is_not_allowed_waits() {
        let columns: BTreeSet<String> = ["age", "nodes"].map(str::to_owned).into();
        let asked = Asked { study: "S-1", sponsor: "U", purpose: "DUO:0000042", columns: &columns };
        let none = BTreeMap::new();
        for (allow, missing) in [
            ("", Some("no allow rules")),
            (r#"{"name": "a", "study": "S-1"}"#, None),
            (r#"{"name": "a", "study": "S-2"}"#, Some("its study is \"S-2\", the query's is \"S-1\"")),
            (r#"{"name": "a", "study": "S-1", "sponsor": "V"}"#, Some("its sponsor is \"V\"")),
            (r#"{"name": "a", "study": "S-1", "purpose": "DUO:0000006"}"#, Some("its purpose is")),
            (r#"{"name": "a", "purpose": "DUO:0000007[MONDO:0007254]"}"#, Some("its purpose is")),
            (r#"{"name": "a", "columns": ["age"]}"#, Some("uses the column \"nodes\"")),
            (r#"{"name": "a", "columns": ["age", "nodes", "size"]}"#, None),
            (r#"{"name": "a", "everything": true}"#, None),
            (r#"{"name": "a", "study": "S-1", "max_queries": 0}"#, Some("accepted 0 queries, of 0")),
            (r#"{"name": "a", "study": "S-2"}, {"name": "b", "sponsor": "U"}"#, None),
        ] {
            let rules = rules(allow).unwrap();
            match (rules.covering(&asked, &none), missing) {
                (Ok(_), None) => {}
                (Err(why), Some(part)) => assert!(why.contains(part), "{allow}: {why}"),
                (found, _) => panic!("{allow}: {found:?}"),
            }
        }
        let counted = rules(r#"{"name": "a", "study": "S-1", "max_queries": 2}"#).unwrap();
        let accepted = |count| BTreeMap::from([("a".to_owned(), count)]);
        assert_eq!(counted.covering(&asked, &accepted(1)), Ok("a"));
        assert!(counted.covering(&asked, &accepted(2)).is_err());
        assert!(counted.describe(&accepted(2)).contains("a: study S-1, at most 2 queries (accepted so far: 2)"));
    }

    #[test]
    fn rules_that_are_refused() {
        for (allow, part) in [
            (r#"{"name": "a"}"#, "would allow everything"),
            (r#"{"name": "a", "max_queries": 3}"#, "would allow everything"),
            (r#"{"name": "a", "everything": false}"#, "says nothing"),
            (r#"{"name": "a", "everything": true, "study": "S-1"}"#, "one or the other"),
            (r#"{"name": "a", "columns": []}"#, "an empty list"),
            (r#"{"name": "a", "purpose": "research"}"#, "seven digits"),
            (r#"{"name": "a", "purpose": "DUO:0000006[MONDO:0007254]"}"#, "seven digits"),
            (r#"{"name": "", "study": "S-1"}"#, "rule 1: its name"),
            (r#"{"name": "a", "study": "S\n1"}"#, "rule 1: its study"),
            (r#"{"study": "S-1"}"#, "missing field `name`"),
            (r#"{"name": "a", "studies": "S-1"}"#, "unknown field"),
            (r#"{"name": "a", "study": "S-1"}, {"name": "a", "study": "S-2"}"#, "two rules have the name"),
        ] {
            let refused = rules(allow).unwrap_err().to_string();
            assert!(refused.contains(part), "{allow}: {refused}");
        }
        let other = Rules::parse(r#"{ "format": "cohortium-rules/2", "allow": [] }"#).unwrap_err().to_string();
        assert!(other.contains("reads \"cohortium-rules/1\""), "{other}");
    }
}
