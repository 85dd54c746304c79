//! Sources that are honest, and such that lie, jump, stall, send nonsense or a gigabyte: over real HTTP.

use std::time::{Duration, Instant};

use dbc_feed::{BadSource, Source, Sources, believe};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How a source answers.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Price(&'static str),
    Body(&'static str),
    Status,
    Stalls,
    Drips,
    Gigabyte,
    SendsAway,
}

async fn answer(mut stream: TcpStream, kind: Kind, here: String) -> std::io::Result<()> {
    let mut request = [0; 1_024];
    let _ = stream.read(&mut request).await?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    match kind {
        Kind::Price(price) => {
            let body = format!(r#"{{"data":[{{"usd":{price}}}]}}"#);
            let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(text.as_bytes()).await
        }
        Kind::Body(body) => {
            let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(text.as_bytes()).await
        }
        Kind::Status => stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await,
        Kind::Stalls => std::future::pending().await,
        Kind::Drips => {
            stream.write_all(format!("{head}\r\n").as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        Kind::Gigabyte => {
            stream
                .write_all(format!("{head}content-length: 1073741824\r\n\r\n").as_bytes())
                .await?;
            let blanks = vec![b' '; 1 << 20];
            for _ in 0..1_024 {
                stream.write_all(&blanks).await?;
            }
            Ok(())
        }
        Kind::SendsAway => {
            let text = format!("HTTP/1.1 302 Go\r\nlocation: {here}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).await
        }
    }
}

async fn source(kind: Kind) -> Source {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let here = format!("http://{}/price.json", listener.local_addr().unwrap());
    let source = Source::parse(&format!("{here}#data.0.usd")).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, kind, here.clone()));
        }
    });
    source
}

async fn asked(kinds: &[Kind]) -> Option<u128> {
    let mut all = Vec::new();
    for kind in kinds {
        all.push(source(*kind).await);
    }
    Sources::new(all).unwrap().ask().await
}

#[tokio::test]
async fn the_median_of_honest_sources_is_told() {
    assert_eq!(asked(&[Kind::Price("0.02")]).await, Some(20_000));
    let three = [Kind::Price("0.021"), Kind::Price("\"0.0200009\""), Kind::Price("0.019")];
    assert_eq!(asked(&three).await, Some(20_000));
}

#[tokio::test]
async fn one_liar_moves_nothing_and_two_of_three_that_are_away_silence_the_feeder() {
    let lies = [Kind::Price("0.02"), Kind::Price("999999"), Kind::Price("0.0201")];
    assert_eq!(asked(&lies).await, Some(20_100));
    assert_eq!(asked(&[Kind::Price("0.02"), Kind::Status, Kind::Status]).await, None);
    assert_eq!(
        asked(&[Kind::Price("0.02"), Kind::Price("0.02"), Kind::Status]).await,
        Some(20_000)
    );
}

#[tokio::test]
async fn nonsense_does_not_count() {
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"data":[]}"#,
        r#"{"data":[{"usd":null}]}"#,
        r#"{"data":[{"usd":-1}]}"#,
        r#"{"data":[{"usd":0}]}"#,
        r#"{"data":[{"usd":1e300}]}"#,
        r#"{"data":[{"usd":{"usd":1}}]}"#,
        r#"{"data":[{"usd":"NaN"}]}"#,
        r#"{"data":[{"usd":"1000001"}]}"#,
    ] {
        assert_eq!(asked(&[Kind::Body(body)]).await, None, "{body}");
    }
    assert_eq!(asked(&[Kind::SendsAway]).await, None, "sent round in circles");
}

#[tokio::test]
async fn a_gigabyte_is_not_read_and_a_stall_costs_ten_seconds() {
    let since = Instant::now();
    let slow = [Kind::Gigabyte, Kind::Stalls, Kind::Drips];
    let kinds: Vec<Kind> = [Kind::Price("0.02"); 4].into_iter().chain(slow).collect();
    assert_eq!(asked(&kinds).await, Some(20_000));
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[test]
fn a_jump_is_believed_when_a_second_look_bears_it_out() {
    assert!(believe(None, None, 5));
    assert!(believe(Some(100), None, 125));
    assert!(!believe(Some(100), None, 126));
    assert!(!believe(Some(100), None, 74));
    assert!(believe(Some(100), Some(200), 195));
    assert!(!believe(Some(100), Some(200), 300), "it jumped on");
    assert!(!believe(Some(1_000_000_000_000), None, 1));
}

#[test]
fn sources_are_named_so_that_they_can_be_asked() {
    assert!(matches!(Source::parse("nonsense"), Err(BadSource::Form(_))));
    assert!(matches!(Source::parse("file:///etc/passwd#a"), Err(BadSource::Address(_))));
    assert!(matches!(Source::parse("http://localhost/#a..b"), Err(BadSource::Form(_))));
    assert!(matches!(Source::fixed("0"), Err(BadSource::Fixed(_))));
    assert_eq!(Source::fixed("0.02"), Ok(Source::Fixed(20_000)));
    assert!(Sources::new(vec![]).is_err());
    assert!(Sources::new(vec![Source::Fixed(1); 17]).is_err());
}
