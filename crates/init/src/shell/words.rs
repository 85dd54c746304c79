//! A line into steps of words, quotes and variables noted. Pure.

/// What a step of a line depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// Nothing: the first, or after `;`.
    Always,
    /// Success of the one before: `&&`.
    IfGood,
    /// Failure of the one before: `||`.
    IfBad,
}

/// One program with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// When it runs.
    pub joint: Joint,
    /// Its words.
    pub words: Vec<Word>,
}

/// A word before its variables are filled in.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Word(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

impl Word {
    /// The word with the values of its variables; a missing one is empty.
    pub fn expand(&self, status: i32, get: impl Fn(&str) -> Option<String>) -> String {
        let value = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(name) if name == "?" => status.to_string(),
            Part::Variable(name) => get(name).unwrap_or_default(),
        };
        self.0.iter().map(value).collect()
    }

    fn push(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.0.push(Part::Text(c.into())),
        }
    }
}

/// Splits a line. Errors say what is not understood.
pub fn split(line: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut step = Step { joint: Joint::Always, words: Vec::new() };
    let mut word: Option<Word> = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let joint = match c {
            ' ' | '\t' | '\r' => {
                step.words.extend(word.take());
                continue;
            }
            '#' if word.is_none() => break,
            ';' | '\n' => Joint::Always,
            '&' if rest.next_if_eq(&'&').is_some() => Joint::IfGood,
            '|' if rest.next_if_eq(&'|').is_some() => Joint::IfBad,
            '&' | '|' | '<' | '>' | '`' => {
                return Err(format!("this small shell does not know `{c}`"));
            }
            _ => {
                take(c, &mut rest, word.get_or_insert_default())?;
                continue;
            }
        };
        step.words.extend(word.take());
        steps.push(std::mem::replace(&mut step, Step { joint, words: Vec::new() }));
    }
    step.words.extend(word);
    steps.push(step);
    steps.retain(|step| !step.words.is_empty());
    Ok(steps)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn take(c: char, rest: &mut Rest<'_>, word: &mut Word) -> Result<(), String> {
    match c {
        '\'' => loop {
            match rest.next() {
                Some('\'') => break,
                Some(c) => word.push(c),
                None => return Err("a ' is not closed".into()),
            }
        },
        '"' => loop {
            match rest.next() {
                Some('"') => break,
                Some('\\') => match rest.next() {
                    Some(c @ ('"' | '\\' | '$')) => word.push(c),
                    Some(c) => {
                        word.push('\\');
                        word.push(c);
                    }
                    None => return Err("a \" is not closed".into()),
                },
                Some('$') => variable(rest, word)?,
                Some(c) => word.push(c),
                None => return Err("a \" is not closed".into()),
            }
        },
        '\\' => {
            if let Some(c) = rest.next() {
                word.push(c);
            }
        }
        '$' => variable(rest, word)?,
        c => word.push(c),
    }
    Ok(())
}

fn variable(rest: &mut Rest<'_>, word: &mut Word) -> Result<(), String> {
    if rest.peek() == Some(&'(') {
        return Err("this small shell does not know `$(`".into());
    }
    if rest.next_if_eq(&'?').is_some() {
        word.0.push(Part::Variable("?".into()));
        return Ok(());
    }
    let braces = rest.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    if braces && rest.next() != Some('}') {
        return Err("a ${ is not closed".into());
    }
    if name.is_empty() {
        word.push('$');
    } else {
        word.0.push(Part::Variable(name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(line: &str) -> Vec<Vec<String>> {
        let get = |name: &str| (name == "A").then(|| "x y".to_owned());
        let steps = split(line).unwrap();
        steps.iter().map(|s| s.words.iter().map(|w| w.expand(3, get)).collect()).collect()
    }

    #[test]
    fn words_quotes_and_variables() {
        assert_eq!(expanded("echo 'a  b' \"c $A\"d e\\ f"), [["echo", "a  b", "c x yd", "e f"]]);
        assert_eq!(
            expanded("echo $A ${A}b $B $? $ '$A' \"\\$A\""),
            [["echo", "x y", "x yb", "", "3", "$", "$A", "$A"]]
        );
        assert_eq!(expanded("a;b && c || d # e"), [["a"], ["b"], ["c"], ["d"]]);
        assert_eq!(expanded("  ;; "), Vec::<Vec<String>>::new());
        assert_eq!(expanded("echo ''"), [["echo", ""]]);
        let joints: Vec<_> = split("a;b&&c||d").unwrap().iter().map(|step| step.joint).collect();
        assert_eq!(joints, [Joint::Always, Joint::Always, Joint::IfGood, Joint::IfBad]);
    }

    #[test]
    fn what_it_does_not_know_it_says() {
        for line in ["a | b", "a > b", "a &", "$(a)", "`a`", "'a", "\"a", "${a"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
