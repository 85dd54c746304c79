//! The exchange with whoever started the program: a seed, a root, places, openings. What comes in is bounded.

use std::io::{BufRead, Read as _, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use codec::Encode as _;
use dbc_bench::{Answers, Params, Place, Prover};

/// Words of the command line.
pub const WORDS: usize = 4;
/// Rows that one question names at most, as on the stream of audits.
const PLACES_MAX: usize = 64;
/// Longest line of input in bytes: so many places and their blanks, with room.
const LINE_BYTES_MAX: u64 = 2_048;
/// Of a word that makes no sense, so much is shown.
const SHOWN: usize = 40;

/// What computes.
enum Device {
    Processor,
    #[cfg(feature = "cards")]
    Cards(Vec<dbc_gpu::Card>),
}

/// Computes the challenge that `words` name, says its root, opens what is asked for.
///
/// # Errors
/// What is wrong, in one line.
pub fn run(
    words: &[String],
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<(), String> {
    let [seed, edge, links, gpus] = words else {
        return Err(format!("{WORDS} words are needed; --help names them"));
    };
    let (edge, links) = (number("EDGE", edge)?, number("LINKS", links)?);
    let gpus: u16 = number("GPUS", gpus)?;
    // Before the seed is read, whose time is counted.
    let device = Device::with(gpus)?;
    let seed = match seed.as_str() {
        "-" => line(&mut input)?,
        seed => seed.to_owned(),
    };
    let seed = hex::decode(&seed).ok().and_then(|bytes| bytes.try_into().ok());
    let seed: [u8; 32] = seed.ok_or("SEED: must be 64 hexadecimal digits")?;
    let params = Params::new(seed, edge, links, u32::from(gpus.max(1)))
        .map_err(|bad| format!("the challenge is out of bounds: {bad:?}"))?;
    let prover = device.compute(params)?;
    say(&mut output, &hex::encode(prover.root()))?;
    let places = places(&line(&mut input)?)?;
    let openings: Option<Vec<_>> = places.into_iter().map(|place| prover.open(place)).collect();
    let openings = openings.ok_or("a place lies outside of the challenge")?;
    say(&mut output, &STANDARD.encode(openings.encode()))
}

impl Device {
    /// The processor, or so many cards.
    fn with(gpus: u16) -> Result<Self, String> {
        match gpus {
            0 => Ok(Self::Processor),
            gpus => Self::cards(gpus),
        }
    }

    #[cfg(feature = "cards")]
    fn cards(gpus: u16) -> Result<Self, String> {
        let cards = dbc_gpu::cards().map_err(|error| told(&error))?;
        match cards.len() {
            found if found >= usize::from(gpus) => Ok(Self::Cards(cards)),
            found => Err(format!("{gpus} cards are asked for, the driver shows {found}")),
        }
    }

    #[cfg(not(feature = "cards"))]
    fn cards(_: u16) -> Result<Self, String> {
        Err("this build computes on the processor alone".into())
    }

    fn compute(self, params: Params) -> Result<Box<dyn Answers>, String> {
        match self {
            Self::Processor => Ok(Box::new(Prover::run(params))),
            #[cfg(feature = "cards")]
            Self::Cards(cards) => match dbc_gpu::run(&cards, params) {
                Ok(prover) => Ok(Box::new(prover)),
                Err(error) => Err(told(&error)),
            },
        }
    }
}

/// An error with its causes.
#[cfg(feature = "cards")]
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text += &format!(": {found}");
        cause = found.source();
    }
    text
}

fn number<N: std::str::FromStr>(name: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{name}: {:?} is no number", shown(text)))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// The next line of input, without its end.
fn line(input: &mut impl BufRead) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = input.take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes);
    read.map_err(|error| format!("the input cannot be read: {error}"))?;
    if bytes.is_empty() {
        return Err("the input ended before all was asked".into());
    }
    if bytes.len() as u64 > LINE_BYTES_MAX {
        return Err(format!("a line of input is longer than {LINE_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "the input is no text")?;
    Ok(text.trim().to_owned())
}

/// The places that a line names.
fn places(line: &str) -> Result<Vec<Place>, String> {
    let place = |word: &str| {
        let parsed = word.split_once(':').and_then(|(link, row)| {
            Some(Place { link: link.parse().ok()?, row: row.parse().ok()? })
        });
        parsed.ok_or_else(|| format!("{:?} is no LINK:ROW", shown(word)))
    };
    let places: Vec<_> = line.split_whitespace().map(place).collect::<Result<_, _>>()?;
    match places.len() {
        1..=PLACES_MAX => Ok(places),
        count => Err(format!("{count} places are named, 1 to {PLACES_MAX} can be")),
    }
}

fn say(output: &mut impl Write, text: &str) -> Result<(), String> {
    let said = writeln!(output, "{text}").and_then(|()| output.flush());
    said.map_err(|error| format!("nobody reads the output: {error}"))
}

#[cfg(test)]
mod tests {
    use codec::Decode as _;
    use dbc_bench::{Opening, verify};

    use super::*;

    const SEED: [u8; 32] = [7; 32];

    /// What a run with these words and this input prints.
    fn ran(words: &str, input: &str) -> Result<String, String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let mut output = Vec::new();
        run(&words, input.as_bytes(), &mut output).map(|()| String::from_utf8(output).unwrap())
    }

    fn seed() -> String {
        hex::encode(SEED)
    }

    #[test]
    fn what_it_prints_is_what_the_verifier_takes() {
        let params = Params::new(SEED, 16, 4, 1).unwrap();
        let asked = [Place { link: 3, row: 5 }, Place { link: 0, row: 1 }];
        for (first, before) in [(seed(), String::new()), ("-".into(), format!("{}\n", seed()))] {
            let printed = ran(&format!("{first} 16 4 0"), &format!("{before}3:5  0:1\n")).unwrap();
            let lines: Vec<_> = printed.lines().collect();
            assert_eq!(lines.len(), 2, "{printed}");
            let root: [u8; 32] = hex::decode(lines[0]).unwrap().try_into().unwrap();
            let bytes = STANDARD.decode(lines[1]).unwrap();
            let openings = Vec::<Opening>::decode(&mut &bytes[..]).unwrap();
            assert_eq!(verify(&params, &root, &asked, &openings, &[3; 32]), Ok(()));
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let seed = seed();
        for (words, input, said) in [
            (String::new(), "", "4 words are needed"),
            (format!("{seed} 16 4"), "", "4 words are needed"),
            (format!("{seed} 16 4 0 1"), "", "4 words are needed"),
            ("ab 16 4 0".into(), "", "SEED"),
            ("- 16 4 0".into(), "zz\n", "SEED"),
            ("- 16 4 0".into(), "", "ended before"),
            (format!("{seed} x 4 0"), "", "EDGE"),
            (format!("{seed} 16 -4 0"), "", "LINKS"),
            (format!("{seed} 16 4 99999"), "", "GPUS"),
            (format!("{seed} 17 4 0"), "", "out of bounds"),
            (format!("{seed} 16 999999999 0"), "", "out of bounds"),
            (format!("{seed} 16 4 0"), "", "ended before"),
            (format!("{seed} 16 4 0"), "\n", "0 places"),
            (format!("{seed} 16 4 0"), "3\n", "is no LINK:ROW"),
            (format!("{seed} 16 4 0"), "4:0\n", "outside of the challenge"),
            (format!("{seed} 16 4 0"), "0:16\n", "outside of the challenge"),
        ] {
            let error = ran(&words, input).unwrap_err();
            assert!(error.contains(said), "{words} and {input:?}: {error}");
        }
    }

    #[test]
    fn input_is_bounded() {
        let words = format!("{} 16 4 0", seed());
        let many = "0:0 ".repeat(PLACES_MAX);
        assert!(ran(&words, &many).is_ok(), "the end of the input ends a line too");
        assert!(ran(&words, &format!("{many}0:0\n")).unwrap_err().contains("65 places"));
        let endless = std::io::BufReader::new(std::io::repeat(b'1'));
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        assert!(run(&words, endless, Vec::new()).unwrap_err().contains("longer than"));
    }

    #[test]
    fn cards_that_are_not_there_are_missed_before_a_seed_is_read() {
        let error = ran("- 512 4 16", "").unwrap_err();
        let alone = cfg!(not(feature = "cards")) && error.contains("processor alone");
        assert!(alone || error.contains("16 cards are asked for"), "{error}");
    }
}
