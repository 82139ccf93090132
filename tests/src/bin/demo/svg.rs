//! Pictures as SVG text: a few shapes, one style for light and for dark pages.

use std::fmt::Write as _;

/// Colours of Okabe and Ito, told apart by colour-blind readers too; on dark pages their lighter relatives.
const STYLE: &str = "\
text { font-family: 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif; fill: #1c2330; font-size: 13px }
.title { font-size: 19px; font-weight: 600 }
.small { font-size: 11.5px; fill: #4d5766 }
.strong { font-weight: 600 }
.page { fill: #ffffff }
.grid { stroke: #e2e6eb; stroke-width: 1 }
.axis { stroke: #4d5766; stroke-width: 1.2; fill: none }
.line { fill: none; stroke-width: 2.4; stroke-linejoin: round }
.dashed { stroke-dasharray: 8 4 }
.a.line { stroke: #0072b2 } .a.band, .a.bar, .a.dot { fill: #0072b2 }
.b.line { stroke: #d55e00 } .b.band, .b.bar, .b.dot { fill: #d55e00 }
.band { fill-opacity: 0.2; stroke: none }
.edge { fill: none; stroke-width: 0.8; stroke-opacity: 0.55 }
.a.edge { stroke: #0072b2 } .b.edge { stroke: #d55e00 }
.hatched { stroke: #4d5766; stroke-width: 1 }
.hatch { stroke: #4d5766; stroke-width: 1.4 }
";

const DARK: &str = "\
text { fill: #e8ebef } .small { fill: #aeb7c2 } .page { fill: #14181f } .grid { stroke: #2b323c }
.axis, .hatched, .hatch { stroke: #aeb7c2 }
.a.line, .a.edge { stroke: #56b4e9 } .a.band, .a.bar, .a.dot { fill: #56b4e9 }
.b.line, .b.edge { stroke: #f0a030 } .b.band, .b.bar, .b.dot { fill: #f0a030 }
";

/// Where a text's anchor is.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture being drawn.
pub(crate) struct Svg {
    width: f64,
    body: String,
}

impl Svg {
    /// An empty picture. Its height is known when it is finished.
    pub(crate) fn new(width: f64) -> Self {
        Self { width, body: String::new() }
    }

    // Writing to a String cannot fail: hence `let _` below.

    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        let _ =
            writeln!(self.body, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#);
    }

    /// A text that reads upwards.
    pub(crate) fn text_upwards(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="middle" transform="rotate(-90 {x:.1} {y:.1})" class="{class}">{text}</text>"#
        );
    }

    /// A text in lines of at most so many characters. Returns the height below the last line.
    pub(crate) fn lines(
        &mut self,
        (x, y): (f64, f64),
        class: &str,
        characters: usize,
        leading: f64,
        text: &str,
    ) -> f64 {
        let mut y = y;
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > characters {
                self.text((x, y), Anchor::Start, class, &line);
                line.clear();
                y += leading;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.text((x, y), Anchor::Start, class, &line);
        y + leading
    }

    pub(crate) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ = writeln!(self.body, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#);
    }

    pub(crate) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}"/>"#
        );
    }

    /// A rectangle filled with slanted lines.
    pub(crate) fn hatched(&mut self, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="hatched" fill="url(#hatch)"/>"#
        );
    }

    pub(crate) fn dot(&mut self, (x, y): (f64, f64), radius: f64, class: &str) {
        let _ = writeln!(self.body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" class="{class} dot"/>"#);
    }

    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], class: &str) {
        let _ = writeln!(self.body, r#"<polyline points="{}" class="{class}"/>"#, joined(points));
    }

    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], class: &str) {
        let _ = writeln!(self.body, r#"<polygon points="{}" class="{class}"/>"#, joined(points));
    }

    /// The file's text. The title and description are for those who cannot see the picture.
    pub(crate) fn finish(self, height: f64, title: &str, description: &str) -> String {
        let Self { width, body } = self;
        let (title, description) = (escaped(title), escaped(description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\">\n<title>{title}</title>\n<desc>{description}</desc>\n<style>\n{STYLE}\
             @media (prefers-color-scheme: dark) {{\n{DARK}}}\n</style>\n<defs><pattern id=\"hatch\" width=\"5\" height=\"5\" \
             patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"5\" \
             class=\"hatch\"/></pattern></defs>\n<rect width=\"100%\" height=\"100%\" class=\"page\"/>\n{body}</svg>\n"
        )
    }
}

fn joined(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
