//! The clauses of the relations, by name, and the switch that turns one off in tests.

/// A clause of a relation; the names and headings are the statement pages'.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Clause {
    // (a) transcript
    /// The context digest enters the transcript.
    AbsorbContext,
    /// The digest of the query-time commitments enters the transcript.
    AbsorbCommitments,
    /// All aggregates enter the transcript before the first challenge.
    AbsorbAggregates,
    /// The roots of both trees enter the transcript.
    AbsorbRoots,
    /// The messages of layers' rounds enter the transcript.
    AbsorbLayerRounds,
    /// A layer's child values enter before the fold coordinate and the next batching challenge.
    AbsorbChildren,
    /// The messages of the row sumcheck enter the transcript.
    AbsorbRowRounds,
    /// The messages of the table sumcheck enter the transcript.
    AbsorbTableRounds,
    /// Each lookup has a weight of its own.
    IndependentWeights,
    /// Each aggregate has a weight of its own.
    IndependentAggregates,
    /// `beta` multiplies a lookup's output.
    OutputBound,
    /// The public `r` is the transcript's.
    PublicRowPoint,
    /// The public `r_t` is the transcript's.
    PublicValuePoint,
    /// The public `rho_t` is the transcript's.
    PublicTablePoint,
    /// The public `mu` is the transcript's.
    PublicMu,
    // (b) layers
    /// A layer's rounds continue the running claim.
    LayerRounds,
    /// A layer's last claim is that of the child values.
    LayerEnd,
    // (c) roots
    /// The two sides of the fractional sum are equal.
    RootCheck,
    /// The row tree's denominator is not zero.
    RowDenominator,
    /// The table tree's denominator is not zero.
    TableDenominator,
    /// No `gamma - g` is zero.
    GroupDenominator,
    // (d) leaves
    /// The row sumcheck's rounds continue the running claim.
    RowRounds,
    /// The row sumcheck ends in the opened columns.
    RowFinal,
    /// Flags are 0 or 1 on data rows.
    FlagsChecked,
    /// The table tree's leaf denominators are the public tables'.
    TableDenominators,
    /// The table sumcheck's rounds continue the running claim.
    TableRounds,
    /// The table sumcheck ends in the opened multiplicities.
    TableFinal,
    // (e) release
    /// A cell shown as zero counts nobody.
    ZeroIsZero,
    /// Zeros are shown only where the policy shows them.
    ZeroShown,
    /// A released count reaches the threshold.
    ValueReachesThreshold,
    /// A released count is at most the count rounded up.
    CountNotBelow,
    /// A released count is at least the count rounded down.
    CountNotAbove,
    /// A suppressed count is below the threshold.
    SuppressedIsSmall,
    /// Where zeros are shown, a suppressed count is not zero.
    SuppressedIsNotZero,
    /// A sum is released only where its count is.
    SumFollowsCount,
    /// A released sum is at most the sum rounded up.
    SumNotBelow,
    /// A released sum is at least the sum rounded down.
    SumNotAbove,
    /// A sum suppressed beside a released count fails the dominance rule.
    SumSuppressedIsSmall,
    /// A sum that was not asked for is not released.
    SumNotAsked,
    /// A released first sum is not near the most that its rows could add up to.
    SumComplement,
    /// A suppressed first sum is near one of its two ends, not between them.
    SumHiddenSide,
    // (f) release under noise
    /// The seed is the registered one.
    SeedOpens,
    /// The seed enters the key of the noise.
    KeyBindsSeed,
    /// The beacon enters the key of the noise.
    KeyBindsBeacon,
    /// The context digest enters the key of the noise.
    KeyBindsContext,
    /// A block's number enters the block.
    BlockNumbered,
    /// A number's reading adds up to the number.
    WordSum,
    /// A number's first word has 64 bits.
    WordLow,
    /// A number's second word has 64 bits.
    WordMiddle,
    /// A number's third word has 64 bits.
    WordHigh,
    /// Signs are 0 or 1.
    SignBoolean,
    /// What is above words and signs is a number, not a negative one.
    WordTop,
    /// A number is read in the one way in which its parts stay below the field's order.
    WordCanonical,
    /// A digit is set or not.
    DigitBoolean,
    /// A digit is set if and only if its word is below its threshold.
    DigitCompared,
    /// A digit has its sign.
    SignUsed,
    /// A group is shown if and only if its noised count reaches the threshold.
    NoisedThreshold,
    /// A noised count is at most the count rounded up.
    NoisedCountNotBelow,
    /// A noised count is at least the count rounded down.
    NoisedCountNotAbove,
    /// A noised sum is the sum with its noise.
    NoisedSum,
    // of statements about a table
    /// Neither `gamma - v_0` nor `gamma - v_end` is zero.
    EndDenominator,
    /// The chain's sources, targets and ends have its weight.
    ChainCounted,
    // (g) offer
    /// Exactly one row is selected.
    OneSelected,
    /// The nullifier is the hash's.
    NullifierOpens,
    /// The selected row's tag enters the nullifier.
    NullifierBindsTag,
    /// The scope enters the nullifier.
    NullifierBindsScope,
}

impl Clause {
    /// Every clause.
    pub const ALL: [Self; 66] = [
        Self::AbsorbContext,
        Self::AbsorbCommitments,
        Self::AbsorbAggregates,
        Self::AbsorbRoots,
        Self::AbsorbLayerRounds,
        Self::AbsorbChildren,
        Self::AbsorbRowRounds,
        Self::AbsorbTableRounds,
        Self::IndependentWeights,
        Self::IndependentAggregates,
        Self::OutputBound,
        Self::PublicRowPoint,
        Self::PublicValuePoint,
        Self::PublicTablePoint,
        Self::PublicMu,
        Self::LayerRounds,
        Self::LayerEnd,
        Self::RootCheck,
        Self::RowDenominator,
        Self::TableDenominator,
        Self::GroupDenominator,
        Self::RowRounds,
        Self::RowFinal,
        Self::FlagsChecked,
        Self::TableDenominators,
        Self::TableRounds,
        Self::TableFinal,
        Self::ZeroIsZero,
        Self::ZeroShown,
        Self::ValueReachesThreshold,
        Self::CountNotBelow,
        Self::CountNotAbove,
        Self::SuppressedIsSmall,
        Self::SuppressedIsNotZero,
        Self::SumFollowsCount,
        Self::SumNotBelow,
        Self::SumNotAbove,
        Self::SumSuppressedIsSmall,
        Self::SumNotAsked,
        Self::SumComplement,
        Self::SumHiddenSide,
        Self::SeedOpens,
        Self::KeyBindsSeed,
        Self::KeyBindsBeacon,
        Self::KeyBindsContext,
        Self::BlockNumbered,
        Self::WordSum,
        Self::WordLow,
        Self::WordMiddle,
        Self::WordHigh,
        Self::SignBoolean,
        Self::WordTop,
        Self::WordCanonical,
        Self::DigitBoolean,
        Self::DigitCompared,
        Self::SignUsed,
        Self::NoisedThreshold,
        Self::NoisedCountNotBelow,
        Self::NoisedCountNotAbove,
        Self::NoisedSum,
        Self::EndDenominator,
        Self::ChainCounted,
        Self::OneSelected,
        Self::NullifierOpens,
        Self::NullifierBindsTag,
        Self::NullifierBindsScope,
    ];
}

/// Which clauses are enforced: all of them, in everything but this crate's own tests.
///
/// The tests need the relation with one clause off, to show that a forgery is refused by just that
/// clause. The switch does not exist in other builds.
#[derive(Clone, Copy, Default, Debug)]
pub struct Relation {
    #[cfg(test)]
    off: Option<Clause>,
    /// Replaces `alpha`, for the clauses whose forger must first win a lottery of `1 / |F|`.
    #[cfg(test)]
    alpha: Option<cohortium_protocol::field::F>,
}

impl Relation {
    /// The whole relation.
    pub fn whole() -> Self {
        Self::default()
    }

    /// Whether a clause is enforced.
    #[inline]
    pub fn has(&self, clause: Clause) -> bool {
        #[cfg(test)]
        return self.off != Some(clause);
        #[cfg(not(test))]
        {
            let _ = clause;
            true
        }
    }

    /// The first challenge as drawn, or as a test's lottery has it.
    pub(crate) fn alpha(&self, drawn: cohortium_protocol::field::F) -> cohortium_protocol::field::F {
        #[cfg(test)]
        return self.alpha.unwrap_or(drawn);
        #[cfg(not(test))]
        drawn
    }
}

#[cfg(test)]
impl Relation {
    /// The relation with one clause off.
    pub(crate) fn without(clause: Clause) -> Self {
        Self { off: Some(clause), alpha: None }
    }

    /// The same relation where the lottery gave this `alpha`.
    pub(crate) fn with_alpha(self, alpha: cohortium_protocol::field::F) -> Self {
        Self { alpha: Some(alpha), ..self }
    }

    /// Whether `alpha` is the lottery's.
    pub(crate) fn rigged_alpha(&self) -> Option<cohortium_protocol::field::F> {
        self.alpha
    }
}
