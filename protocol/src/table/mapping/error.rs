//! Why a mapping is refused.

use super::MAPPING_FORMAT;

/// Why a mapping is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not JSON, or not this structure.
    #[error("the mapping cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the mapping's format is {found:?}; this version reads {MAPPING_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A mapping for another schema.
    #[error(
        "the mapping is for table {table:?} version {version}, the schema is {schema_table:?} version {schema_version}"
    )]
    OtherSchema {
        /// The mapping's table.
        table: String,
        /// The mapping's version.
        version: u32,
        /// The schema's table.
        schema_table: String,
        /// The schema's version.
        schema_version: u32,
    },
    /// A delimiter that is not one plain character.
    #[error("the delimiter {found:?} is not allowed: one of , ; | or a tab")]
    Delimiter {
        /// What was found.
        found: String,
    },
    /// A decimal mark other than point and comma.
    #[error("the decimal mark {found:?} is not allowed: a point or a comma")]
    DecimalMark {
        /// What was found.
        found: String,
    },
    /// The same text twice among the texts for yes, no and missing.
    #[error("the text {text:?} is listed as {first} and as {second}")]
    Ambiguous {
        /// The text.
        text: String,
        /// Its first meaning.
        first: &'static str,
        /// Its second meaning.
        second: &'static str,
    },
    /// No text means yes, or none means no.
    #[error("no text of the file means {which}: list at least one under \"flags\"")]
    NoFlagText {
        /// `yes` or `no`.
        which: &'static str,
    },
    /// A column name or text with spaces around it, or empty: it could never be found.
    #[error("{text:?} is empty or begins or ends with a space; texts are compared without the spaces around them")]
    Untrimmed {
        /// The text.
        text: String,
    },
    /// A schema column without a rule.
    #[error("column {column:?} of the schema has no rule in the mapping")]
    Unmapped {
        /// The column.
        column: String,
    },
    /// A rule for no schema column.
    #[error("the mapping has a rule for {column:?}, which the schema does not have")]
    UnknownColumn {
        /// The name.
        column: String,
    },
    /// Something wrong with one rule.
    #[error("the rule for column {column:?}: {problem}")]
    Rule {
        /// The schema column.
        column: String,
        /// What is wrong.
        problem: RuleError,
    },
}

/// What is wrong with the rule for one column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// None or several of the rules.
    #[error("give exactly one of from, either, earliest, choose, constant; found {found}")]
    NotOne {
        /// The fields found, or `none of them`.
        found: String,
    },
    /// A field that does not belong to the rule.
    #[error("{field:?} does not belong to {rule:?}")]
    Stray {
        /// The field.
        field: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// Both `values` and `classes`.
    #[error("give \"values\" or \"classes\", not both")]
    ValuesAndClasses,
    /// A rule that cannot make this kind of column.
    #[error("{rule:?} makes {makes}, the column is a {kind}")]
    WrongKind {
        /// The rule.
        rule: &'static str,
        /// What it makes.
        makes: &'static str,
        /// The column's kind.
        kind: &'static str,
    },
    /// A label that the column does not have.
    #[error("the column has no label {label:?}; it has {labels}")]
    UnknownLabel {
        /// The label.
        label: String,
        /// The labels it has.
        labels: String,
    },
    /// One label for two classes.
    #[error("two classes have the label {label:?}")]
    LabelTwice {
        /// The label.
        label: String,
    },
    /// Bounds of classes not in ascending order.
    #[error("the class bounds must rise: {found} follows {before}")]
    BoundsOrder {
        /// The bound.
        found: String,
        /// The one before it.
        before: String,
    },
    /// An open class before the last.
    #[error("only the last class may be without \"up_to\"; {label:?} is not the last")]
    OpenClass {
        /// Its label.
        label: String,
    },
    /// Too few columns for a rule that combines columns, or none for one that lists things.
    #[error("{rule:?} needs at least {needed}, found {found}")]
    TooFew {
        /// The rule.
        rule: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many it has.
        found: usize,
    },
    /// One column twice in a rule that combines columns.
    #[error("{rule:?} names {name:?} twice")]
    NamedTwice {
        /// The rule.
        rule: &'static str,
        /// The column.
        name: String,
    },
    /// A text that means missing and something else too.
    #[error("the text {text:?} means missing in this mapping, and is a value of this column too")]
    MissingIsValue {
        /// The text.
        text: String,
    },
    /// A constant that the column does not hold.
    #[error("the constant {text:?}: {reason}")]
    Constant {
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
    /// An untrimmed or empty text.
    #[error("{text:?} is empty or begins or ends with a space; texts are compared without the spaces around them")]
    Untrimmed {
        /// The text.
        text: String,
    },
}
