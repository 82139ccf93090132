//! The demo's pictures: survival curves, and ages by site.

use crate::cells::{Cell, Group};
use crate::lifetable::{LifeTable, Row};
use crate::svg::{Anchor, Svg};

const WIDTH: f64 = 920.0;
const MARGIN: f64 = 32.0;
const SOURCE: &str = "Source: data sets rotterdam (Rotterdam tumour bank) and gbsg (German Breast Cancer Study Group, trial 2) of \
    the R package survival; Royston and Altman, BMC Medical Research Methodology 13:33 (2013). Consents are synthetic.";

/// What a caption says of the key that the numbers were proved under.
fn key(development_key: bool) -> &'static str {
    if development_key { "The proofs are under a DEVELOPMENT KEY, whose maker could forge them: a trial. " } else { "" }
}

/// Curves of untreated and treated patients. `hidden`: how many groups are suppressed, of how many.
pub(crate) fn survival(place: &str, tables: &[LifeTable; 2], hidden: (usize, usize), development_key: bool) -> String {
    const LEFT: f64 = 140.0;
    const RIGHT: f64 = WIDTH - 44.0;
    const TOP: f64 = 84.0;
    const BOTTOM: f64 = 430.0;
    let x = |year: usize| LEFT + (RIGHT - LEFT) * year as f64 / 10.0;
    let y = |share: f64| BOTTOM - (BOTTOM - TOP) * share;
    let title = "Recurrence-free survival by hormonal treatment";
    let mut svg = Svg::new(WIDTH);
    svg.text((MARGIN, 38.0), Anchor::Start, "title", title);
    svg.text((MARGIN, 60.0), Anchor::Start, "", &format!("{place}. Life tables from released counts, each proven"));

    for fifth in 0..=5 {
        let share = f64::from(fifth) / 5.0;
        svg.line((LEFT, y(share)), (RIGHT, y(share)), "grid");
        svg.text((LEFT - 10.0, y(share) + 4.5), Anchor::End, "", &format!("{}", 20 * fifth));
    }
    svg.line((LEFT, TOP), (LEFT, BOTTOM), "axis");
    svg.line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis");
    svg.text_upwards((LEFT - 52.0, (TOP + BOTTOM) / 2.0), "", "Alive without recurrence (%)");
    for year in 0..=10 {
        svg.line((x(year), BOTTOM), (x(year), BOTTOM + 5.0), "axis");
        svg.text((x(year), BOTTOM + 21.0), Anchor::Middle, "", &year.to_string());
    }
    svg.text(((LEFT + RIGHT) / 2.0, BOTTOM + 42.0), Anchor::Middle, "", "Years since the beginning of follow-up");

    let styles = [("a", "without hormonal treatment", ""), ("b", "with hormonal treatment", " dashed")];
    let points = |table: &LifeTable, of: fn(&Row) -> f64| -> Vec<(f64, f64)> {
        table.curve().iter().map(|row| (x(row.year), y(of(row)))).collect()
    };
    for (table, (colour, ..)) in tables.iter().zip(styles) {
        let [low, high] = [points(table, |row| row.survival.low), points(table, |row| row.survival.high)];
        let around: Vec<(f64, f64)> = high.iter().chain(low.iter().rev()).copied().collect();
        svg.polygon(&around, &format!("{colour} band"));
        svg.polyline(&low, &format!("{colour} edge"));
        svg.polyline(&high, &format!("{colour} edge"));
        let [low, high] =
            [points(table, |row| row.survival.low_if_exact), points(table, |row| row.survival.high_if_exact)];
        let around: Vec<(f64, f64)> = high.iter().chain(low.iter().rev()).copied().collect();
        svg.polygon(&around, &format!("{colour} band"));
    }
    for (table, (colour, _, dash)) in tables.iter().zip(styles) {
        let middle = points(table, |row| row.survival.middle);
        svg.polyline(&middle, &format!("{colour} line{dash}"));
        middle.iter().for_each(|point| svg.dot(*point, 3.0, colour));
    }
    let mut legend = BOTTOM - 84.0;
    svg.rect((LEFT + 10.0, legend - 14.0), (312.0, 92.0), "page");
    for (colour, words, dash) in styles {
        svg.polyline(&[(LEFT + 18.0, legend), (LEFT + 62.0, legend)], &format!("{colour} line{dash}"));
        svg.dot((LEFT + 40.0, legend), 3.0, colour);
        svg.text((LEFT + 72.0, legend + 4.5), Anchor::Start, "", words);
        legend += 21.0;
    }
    for (words, layers) in [("possible, given suppressed counts", 2), ("possible, given rounding too", 1)] {
        for (place, colour) in [(18.0, "a"), (41.0, "b")] {
            (0..layers).for_each(|_| svg.rect((LEFT + place, legend - 7.0), (21.0, 14.0), &format!("{colour} band")));
        }
        svg.text((LEFT + 72.0, legend + 4.5), Anchor::Start, "", words);
        legend += 21.0;
    }

    let mut line = BOTTOM + 76.0;
    svg.text((MARGIN, line), Anchor::Start, "strong", "Patients at risk");
    let remark = "below each number: the lowest and the highest that the released counts allow";
    svg.text((LEFT + 8.0, line), Anchor::Start, "small", remark);
    for (table, (colour, words, _)) in tables.iter().zip(styles) {
        line += 28.0;
        svg.rect((MARGIN, line - 9.5), (10.0, 10.0), &format!("{colour} bar"));
        svg.text((MARGIN + 16.0, line), Anchor::Start, "", words.split(' ').next().unwrap_or_default());
        for row in &table.rows {
            let count = row.at_risk;
            svg.text((x(row.year), line), Anchor::Middle, "", &count.middle.to_string());
            if count.low < count.high {
                let range = format!("{}–{}", count.low, count.high);
                svg.text((x(row.year), line + 15.0), Anchor::Middle, "small", &range);
            }
        }
        line += 13.0;
    }

    let caption = format!(
        "Recurrence-free: neither recurrence nor death. Years of 365.25 days; points at their ends, joined by straight lines. \
         Patients censored within a year count as at risk for half of it (actuarial convention). Released counts are \
         rounded to multiples of 5, so that each may be off by 2; {} of {} groups (year, event, treatment, site) have 1 to 7 \
         patients and are suppressed; they enter lines and numbers at risk as 4. The bands hold every curve that is possible; \
         they are no confidence intervals. Treatment was not, or not only, given by lot: the curves do not compare treatments. \
         {}{SOURCE}",
        hidden.0,
        hidden.1,
        key(development_key)
    );
    let end = svg.lines((MARGIN, line + 40.0), "small", 138, 16.0, &caption);
    svg.finish(end + 8.0, title, &format!("{place}. {caption}"))
}

/// Ages by decade, one half a site.
pub(crate) fn ages(sites: [(&str, &[Group]); 2], development_key: bool) -> String {
    const MIDDLE: f64 = WIDTH / 2.0;
    const GAP: f64 = 46.0;
    const TOP: f64 = 124.0;
    const ROW: f64 = 34.0;
    const BAR: f64 = 24.0;
    let title = "Age of the patients";
    let decades = sites[0].1.len();
    let bottom = TOP + ROW * decades as f64;
    let mut svg = Svg::new(WIDTH);
    svg.text((MARGIN, 38.0), Anchor::Start, "title", title);
    svg.text((MARGIN, 60.0), Anchor::Start, "", "Released counts by decade and site, each with a proof");

    // Shares of what is shown: two sites of different size in one picture.
    let total = |groups: &[Group]| groups.iter().filter_map(|group| group.count.shown()).sum::<u64>().max(1) as f64;
    let highest =
        sites.iter().flat_map(|(_, groups)| groups.iter().map(|g| g.count.shown().unwrap_or(0) as f64 / total(groups)));
    let ticks = (highest.fold(0.0, f64::max) * 20.0).ceil().max(1.0);
    let reach = MIDDLE - GAP - 90.0;
    let length = |share: f64| reach * share * 20.0 / ticks;

    for ((name, groups), (side, colour)) in sites.iter().zip([(-1.0, "a"), (1.0, "b")]) {
        let at = |share: f64| MIDDLE + side * (GAP + length(share));
        let shown = total(groups);
        let centre = MIDDLE + side * (GAP + reach / 2.0);
        svg.text((centre, TOP - 32.0), Anchor::Middle, "strong", name);
        svg.text((centre, TOP - 14.0), Anchor::Middle, "small", &format!("{shown} patients shown"));
        for tick in 0..=ticks as u32 {
            let place = at(f64::from(tick) / 20.0);
            svg.line((place, TOP), (place, bottom), if tick == 0 { "axis" } else { "grid" });
            svg.text((place, bottom + 19.0), Anchor::Middle, "", &format!("{}", 5 * tick));
        }
        for (place, group) in groups.iter().enumerate() {
            let y = TOP + ROW * place as f64 + (ROW - BAR) / 2.0;
            let (count, words) = match group.count {
                Cell::Value(count) => (count, count.to_string()),
                Cell::Zero => (0, "0".to_owned()),
                Cell::Suppressed => (group.count.possible().high, "suppressed (1 to 7)".to_owned()),
            };
            let wide = length(count as f64 / shown);
            let left = if side < 0.0 { MIDDLE - GAP - wide } else { MIDDLE + GAP };
            match group.count {
                Cell::Suppressed => svg.hatched((left, y), (wide, BAR)),
                _ => svg.rect((left, y), (wide, BAR), &format!("{colour} bar")),
            }
            let (anchor, class) =
                (if side < 0.0 { Anchor::End } else { Anchor::Start }, if count < 8 { "small" } else { "" });
            svg.text((at(count as f64 / shown) + side * 7.0, y + BAR / 2.0 + 4.5), anchor, class, &words);
        }
        svg.text(
            (MIDDLE + side * (GAP + reach / 2.0), bottom + 40.0),
            Anchor::Middle,
            "",
            "Share of the patients shown (%)",
        );
    }
    for (place, group) in sites[0].1.iter().enumerate() {
        let label = group.labels.join(" ").replace(" to ", "–").replace("at least 90", "90 on");
        svg.text((MIDDLE, TOP + ROW * place as f64 + ROW / 2.0 + 4.5), Anchor::Middle, "", &label);
    }
    svg.text((MIDDLE, TOP - 14.0), Anchor::Middle, "strong", "Years");
    let caption = format!(
        "Numbers at the bars: released counts, rounded to multiples of 5, so that each may be off by 2. Hatched: groups of 1 to 7 \
         patients are suppressed; the hatched bar is as long as 7. Bars are parts of the counts that are shown at each site. {}{SOURCE}",
        key(development_key)
    );
    let end = svg.lines((MARGIN, bottom + 78.0), "small", 138, 16.0, &caption);
    svg.finish(end + 8.0, title, &caption)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture goes its own way, without the report beside it.
    #[test]
    fn both_pictures_name_a_development_key() {
        let groups: Vec<Group> =
            (0..44).map(|_| Group { labels: vec!["a".into()], count: Cell::Value(20), sums: [None; 3] }).collect();
        let tables = [false, true].map(|treated| LifeTable::new(&[&groups], treated));
        for development_key in [false, true] {
            let survival = survival("Here", &tables, (0, 44), development_key);
            let ages = ages([("Here", &groups[..8]), ("There", &groups[..8])], development_key);
            for picture in [survival, ages] {
                // Once in the description for those who do not see the picture, and once in its lines.
                let said = picture.matches("DEVELOPMENT").count();
                assert_eq!(said, if development_key { 2 } else { 0 }, "{picture}");
            }
        }
    }
}
