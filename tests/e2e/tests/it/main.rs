//! The whole system on one machine, driven by the same commands that people type. One network for nearly all
//! scenarios, because what it lets out is this one machine: they take turns, but for those that need the chain
//! alone. Every scenario is run and reported by name; the test fails if any did.

mod scenarios {
    pub mod agent;
    pub mod audit;
    pub mod crash;
    pub mod governance;
    pub mod grant;
    pub mod guides;
    pub mod image;
    pub mod input;
    pub mod lease;
    pub mod neighbours;
    pub mod presence;
    pub mod refusal;
    pub mod report;
    pub mod upgrade;
    pub mod validator;
    pub mod validators;
    pub mod visit;
}

use std::{io::Write as _, pin::Pin, time::Instant};

use anyhow::Result;
use dbc_testkit::Network;
use futures::future::join_all;

type Scenario = for<'a> fn(&'a Network) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;
/// A scenario with its name.
type Named = (&'static str, Scenario);

macro_rules! scenarios {
    ($($path:path),+ $(,)?) => {
        [$((stringify!($path), (|network| Box::pin($path(network))) as Scenario),)+]
    };
}

/// Scenarios that take turns.
enum Sequence<'a> {
    /// On the network of all.
    Here(&'a [Named]),
    /// On another one, which `dbc up` makes with these words.
    Elsewhere(&'a [&'a str], &'a [Named]),
}

use Sequence::{Elsewhere, Here};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_path_on_one_machine() {
    let machine = scenarios![
        scenarios::lease::life_of_a_lease_and_every_unit_accounted_for,
        scenarios::audit::the_machine_was_audited_and_its_transcript_stands_up_to_doubt,
        scenarios::lease::files_and_ports_go_through_the_tunnel,
        scenarios::lease::what_a_renter_installed_survives_stop_and_start,
        scenarios::neighbours::two_renters_share_a_machine_and_nothing_else,
        scenarios::grant::a_grant_lets_its_holder_in_and_nobody_else,
        scenarios::grant::a_grant_allows_its_verbs_only_and_ends_when_revoked,
        scenarios::grant::a_grant_ends_when_its_time_is_over,
        scenarios::refusal::a_renter_without_money_is_refused,
        scenarios::refusal::a_machine_unlisted_while_leased_serves_on_and_takes_no_more,
        scenarios::refusal::a_missing_image_is_named_and_the_money_returns,
        scenarios::refusal::a_price_above_the_renter_s_is_refused_before_anything_is_held,
        scenarios::refusal::wallets_that_are_missing_damaged_or_locked_are_told_apart,
        scenarios::refusal::a_second_agent_of_the_same_machine_is_refused,
        scenarios::image::an_image_without_a_shell_is_entered_all_the_same,
        scenarios::image::an_image_with_user_nobody_runs_as_nobody,
        scenarios::input::an_image_for_another_processor_is_named_and_the_money_returns,
        scenarios::input::a_registry_that_dies_half_way_is_told_and_waited_for,
        scenarios::input::a_full_disk_is_told_and_waited_for,
        scenarios::input::a_node_of_another_network_is_refused,
        scenarios::guides::what_the_provider_s_guide_says_is_what_happens,
        scenarios::report::a_wrong_report_costs_its_bond_and_the_machine_nothing,
        scenarios::report::a_price_in_dollars_is_the_rate_of_the_lease_s_start,
    ];
    let chain = scenarios![
        scenarios::guides::what_guides_say_is_what_happens,
        scenarios::governance::a_question_is_checked_before_it_is_asked_and_shown_as_what_it_does,
    ];
    let disturbed = scenarios![
        scenarios::validator::d61_a_validator_is_rented_and_given_back,
        scenarios::input::a_registry_or_relay_that_is_away_is_named,
        scenarios::crash::an_agent_killed_comes_back_to_its_running_workload,
        scenarios::crash::a_workload_is_reached_while_the_chain_is_away,
        scenarios::crash::status_names_what_is_away,
        scenarios::agent::a_machine_behind_nat_is_rented_and_entered_with_no_port_open,
        scenarios::agent::an_agent_whose_clock_is_off_says_so_and_works,
    ];
    let silent =
        scenarios![scenarios::presence::a_silenced_machine_s_meter_stops_and_the_money_returns];
    let decision = scenarios![scenarios::upgrade::c5_another_runtime_is_decided_on];
    let validators = scenarios![
        scenarios::validators::one_of_four_killed_stops_nothing,
        scenarios::validators::one_of_four_cut_off_stops_nothing,
    ];
    let renewed = scenarios![
        scenarios::upgrade::c5_the_network_goes_on_with_another_runtime,
        scenarios::visit::rule_01_a_machine_that_serves_renters_passes_a_visit,
        // Leaves the machine with a stain.
        scenarios::visit::rule_01_a_machine_that_starves_its_renters_fails_a_visit,
    ];
    let four = ["--pool-gib", "6", "--validators", "4"];
    run(
        &["--pool-gib", "10"],
        &[
            &[Here(&machine), Here(&chain)],
            &[Here(&disturbed)],
            // Silence is waited for.
            &[Here(&silent), Here(&decision), Elsewhere(&four, &validators)],
            &[Here(&renewed)],
        ],
    )
    .await;
}

/// Says at once how a scenario went: what is printed in a test is seen only when it has failed, half an hour later.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "scenario {text}");
}

/// Whether one of the words of `DBC_SCENARIO`, which commas part, is in this name. All are wanted without it.
fn is_wanted((name, _): &Named) -> bool {
    let words = std::env::var("DBC_SCENARIO").unwrap_or_default();
    words.split(',').any(|word| name.contains(word))
}

/// Runs the scenarios that are wanted on a network that `dbc up` makes with these words, whatever fails. Parts come
/// one after the other; the sequences of a part go side by side.
async fn run(words: &[&str], parts: &[&[Sequence<'_>]]) {
    let here = |sequence: &Sequence<'_>| matches!(sequence, Here(all) if all.iter().any(is_wanted));
    let network = match parts.iter().any(|part| part.iter().any(here)) {
        true => Some(Network::start(words).await.expect("the network comes up")),
        false => None,
    };
    let mut failed = Vec::new();
    for part in parts {
        let network = network.as_ref();
        let sequences = part.iter().map(|sequence| async move {
            match (sequence, network) {
                (Here(all), Some(network)) => in_turn(network, all).await,
                (Elsewhere(words, all), _) if all.iter().any(is_wanted) => {
                    elsewhere(words, all).await
                }
                _ => vec![],
            }
        });
        failed.extend(join_all(sequences).await.into_iter().flatten());
    }
    if let Some(network) = network {
        close(network, &failed).await;
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}

/// Runs scenarios on a network of their own; gives which failed. That it does not come up must not end the others,
/// whose network would be left behind.
async fn elsewhere<'a>(words: &[&str], all: &'a [Named]) -> Vec<&'a str> {
    match Network::start(words).await {
        Ok(network) => {
            let failed = in_turn(&network, all).await;
            close(network, &failed).await;
            failed
        }
        Err(error) => {
            tell(&format!("network {words:?} ... FAILED: {error:#}"));
            all.iter().map(|(name, _)| *name).collect()
        }
    }
}

/// Ends a network; if anything failed, its last words are shown.
async fn close(network: Network, failed: &[&str]) {
    let logs = network.state().join("logs");
    for log in ["agent", "chain-0"].iter().filter(|_| !failed.is_empty()) {
        let text = std::fs::read_to_string(logs.join(format!("{log}.log"))).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(60).collect();
        println!("--- end of {log}.log");
        tail.iter().rev().for_each(|line| println!("{line}"));
    }
    network.purge().await.expect("down --purge leaves nothing behind");
}

/// Runs those that are wanted one after the other; gives which failed.
async fn in_turn<'a>(network: &Network, scenarios: &'a [Named]) -> Vec<&'a str> {
    let mut failed = Vec::new();
    for (name, scenario) in scenarios.iter().filter(|one| is_wanted(one)) {
        let since = Instant::now();
        let result = scenario(network).await;
        let short = name.rsplit(' ').next().unwrap_or(name);
        match &result {
            Ok(()) => tell(&format!("{short} ... ok ({:.1} s)", since.elapsed().as_secs_f32())),
            Err(error) => tell(&format!("{short} ... FAILED: {error:#}")),
        }
        if result.is_err() {
            failed.push(short);
            scenarios::lease::end_all(network).await;
        }
    }
    failed
}
