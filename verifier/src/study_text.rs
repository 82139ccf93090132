//! A study's report for people.

use std::fmt;

use cohortium_protocol::policy::Cell;
use cohortium_protocol::text::shown;

use crate::ledger::{EpsilonReport, OverdueReport, QueryReport, SiteReport, SiteStatus, StudyReport};
use crate::text::{table, wrapped};

impl fmt::Display for StudyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "AUDIT OF THE STUDY {}", shown(&self.study).to_uppercase())?;
        if self.development_key {
            writeln!(f, "*** DEVELOPMENT KEY: for trials only; whoever made the key could forge this ***")?;
        }
        writeln!(f, "\nLedger {}", shown(&self.ledger))?;
        if let Some(end) = &self.up_to {
            writeln!(f, "Up to the checkpoint of {} transactions in {} blocks at {}", end.size, end.height, end.time)?;
            writeln!(f, "Root  {}", end.root)?;
        }
        if let Some(known) = &self.compared_with {
            writeln!(f, "Compared with your checkpoint of {} transactions at {}", known.size, known.time)?;
            writeln!(f, "Root  {}", known.root)?;
        }
        if !self.approvals.is_empty() {
            writeln!(f, "\nAPPROVALS")?;
        }
        for approval in &self.approvals {
            let reason = approval.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
            let (queries, posted) = (approval.queries, approval.posted);
            let head = format!("{}, by {}: {}{reason}", approval.ethics_reference, approval.board, approval.state);
            wrapped(f, "  ", 4, &head)?;
            writeln!(f, "    Posted {posted}; {}", counted(queries, "query", "queries"))?;
            approval.words.iter().try_for_each(|line| wrapped(f, "    ", 6, line))?;
        }
        if self.up_to.is_some() {
            writeln!(f, "\nEVERY QUERY UNDER THE STUDY: {}", self.queries.len())?;
        }
        for query in &self.queries {
            query_text(f, query)?;
        }
        let withheld = |status: &SiteStatus| matches!(status, SiteStatus::WithheldAfterAcceptance { .. });
        self.list(f, "WITHHELD AFTER ACCEPTANCE: accepted, perhaps computed, never answered", withheld)?;
        let owed = |status: &SiteStatus| matches!(status, SiteStatus::Accepted { .. });
        self.list(f, "OWED when this export ended: accepted, not answered; afterwards withheld", owed)?;
        self.overdue_text(f)?;
        self.list(f, "WAITING FOR NONCES when this export ended: accepted, afterwards void", |status| {
            matches!(status, SiteStatus::AwaitingBeacon { .. })
        })?;
        self.unopened_text(f)?;
        self.list(f, "VOID: accepted, and its nonces were not opened; what was spent stays spent", |status| {
            matches!(status, SiteStatus::Void { .. })
        })?;
        self.list(f, "DECLINED", |status| matches!(status, SiteStatus::Declined { .. }))?;
        self.list(f, "NOT DECIDED IN TIME", |status| matches!(status, SiteStatus::Expired { .. }))?;
        self.epsilon_text(f)?;
        writeln!(f, "\nWHAT WAS FOUND")?;
        self.reasons.iter().try_for_each(|line| wrapped(f, "  - ", 4, line))?;
        if !self.not_proved.is_empty() {
            writeln!(f, "\nWHAT IS NOT PROVED")?;
        }
        self.not_proved.iter().try_for_each(|line| wrapped(f, "  - ", 4, line))?;
        writeln!(f, "\nAnchors {}", self.anchors)?;
        writeln!(f, "Verdict: {}", self.verdict.words())
    }
}

impl StudyReport {
    fn overdue_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(now), false) = (self.as_of, self.overdue.is_empty()) else { return Ok(()) };
        writeln!(f, "\nOVERDUE at {now}: accepted, and not answered when this export ended")?;
        for OverdueReport { sequence, title, site, until, .. } in &self.overdue {
            let text = format!("query {sequence} ({title}), {site}: had to answer by {until}");
            wrapped(f, "  ", 4, &text)?;
        }
        wrapped(f, "  ", 2, "If a newer export has no answer either, they were withheld after acceptance.")
    }

    fn unopened_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(now), false) = (self.as_of, self.unopened.is_empty()) else { return Ok(()) };
        writeln!(f, "\nNONCES OVERDUE at {now}: not opened when this export ended")?;
        for OverdueReport { sequence, title, site, until, .. } in &self.unopened {
            let text = format!("query {sequence} ({title}), for {site}: had to be open by {until}");
            wrapped(f, "  ", 4, &text)?;
        }
        wrapped(f, "  ", 2, "If a newer export does not have them either, these queries are void.")
    }

    fn epsilon_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epsilon.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nPRIVACY SPENT, by site and table")?;
        for spent in &self.epsilon {
            let EpsilonReport { site, table, queries, void, exact, .. } = spent;
            let of = |limit: &Option<String>| limit.as_deref().unwrap_or("no limit").to_owned();
            let mut text = format!(
                "{site}, table {table}: epsilon {} of {} by {} with noise, {} of {} by all studies",
                spent.spent,
                of(&spent.limit),
                counted(*queries, "query", "queries"),
                spent.spent_in_all,
                of(&spent.limit_in_all)
            );
            if let Some(delta) = &spent.delta {
                text.push_str(&format!("; delta {delta} in all"));
            }
            if *void > 0 {
                text.push_str(&format!("; {void} of them void"));
            }
            if *exact > 0 {
                let answers = counted(*exact, "answer", "answers");
                text.push_str(&format!("; beside them {answers} WITHOUT NOISE, of which this says nothing"));
            }
            wrapped(f, "  ", 4, &text)?;
        }
        Ok(())
    }

    fn list(&self, f: &mut fmt::Formatter<'_>, title: &str, test: fn(&SiteStatus) -> bool) -> fmt::Result {
        let parts: Vec<(&QueryReport, &SiteReport)> = self.parts(test).collect();
        if parts.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{title}")?;
        for (query, site) in parts {
            let text = format!("query {} ({}), {}: {}", query.sequence, query.title, site.site, site.words);
            wrapped(f, "  ", 4, &text)?;
        }
        Ok(())
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn query_text(f: &mut fmt::Formatter<'_>, query: &QueryReport) -> fmt::Result {
    let head = format!("Query {}: {} ({})", query.sequence, query.title, query.words);
    writeln!(f)?;
    wrapped(f, "  ", 4, &head)?;
    writeln!(
        f,
        "    Asked by {} at {}, under the approval {}",
        shown(&query.sponsor),
        query.posted,
        query.approval.short()
    )?;
    writeln!(f, "    {}", query.query)?;
    query.question.iter().try_for_each(|line| wrapped(f, "    ", 6, line))?;
    for site in &query.sites {
        wrapped(f, "    ", 6, &format!("{}: {}", site.site, site.words))?;
        if let Some(policy) = &site.policy {
            wrapped(f, "      ", 8, policy)?;
            table(f, "      ", &query.grouped_by, &site.groups)?;
            let suppressed = site.groups.iter().filter(|group| group.cells.count == Cell::Suppressed).count() as u64;
            if suppressed > 0 {
                let what = counted(suppressed, "group is suppressed", "groups are suppressed");
                writeln!(f, "      {what}; totals of the numbers shown leave out as much.")?;
            }
        }
    }
    Ok(())
}
