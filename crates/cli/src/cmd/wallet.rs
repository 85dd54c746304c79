//! `dbc wallet …`: keys and money.

use std::io::Read as _;

use anyhow::{Context as _, Result};
use dbc_sdk::{AccountId, ErrorCode, Signer};

use super::money;
use crate::{
    args::Wallet,
    context::Context,
    failure::coded,
    print,
    wallet::{WalletFile, Wallets, ask_password},
};

/// Who has test money on development networks.
const FAUCET: &str = "//Alice";

/// Runs one of the commands.
pub async fn run(context: &Context, args: Wallet) -> Result<u8> {
    let wallets = Wallets::at(&context.home);
    match args {
        Wallet::Create { name, no_password } => {
            let phrase = Signer::generate_phrase()?;
            let file = seal(context, &name, &phrase, no_password)?;
            wallets.store(&file)?;
            let shown =
                serde_json::json!({"name": name, "address": file.address(), "phrase": *phrase});
            print::data(context.json, &shown, || {
                print::note("write the phrase down; it is the only way back to this account:");
                format!("{}\n{}", *phrase, file.address())
            });
        }
        Wallet::Import { name, no_password } => {
            let mut phrase = String::new();
            std::io::stdin()
                .take(4096)
                .read_to_string(&mut phrase)
                .context("cannot read the phrase")?;
            let file = seal(context, &name, phrase.trim(), no_password)?;
            wallets.store(&file)?;
            print::data(context.json, &describe(&file), || format!("{name}: {}", file.address()));
        }
        Wallet::List => {
            let files: Result<Vec<_>, _> =
                wallets.names()?.iter().map(|name| wallets.load(name)).collect();
            let files = files?;
            print::data(context.json, &files.iter().map(describe).collect::<Vec<_>>(), || {
                let rows = files.iter().map(|file| {
                    let kept = if file.is_protected() { "password" } else { "open" };
                    vec![file.name().to_string(), file.address().to_string(), kept.to_string()]
                });
                print::table(&["WALLET", "ADDRESS", "PROTECTION"], &rows.collect::<Vec<_>>())
            });
        }
        Wallet::Show { name } => show(context, &wallets, name).await?,
        Wallet::Fund { name, amount } => {
            let to = account(&wallets, name.as_deref().unwrap_or("default"))?;
            let amount = money(&amount, "--amount")?;
            let market = context.market()?;
            let tx = market.transfer(&Signer::from_uri(FAUCET)?, to, amount).await?;
            print::data(context.json, &tx, || format!("{amount} sent to {to}"));
        }
        Wallet::Transfer { to, amount } => {
            let to = account(&wallets, &to)?;
            let amount = money(&amount, "amount")?;
            let tx = context.market()?.transfer(&context.signer()?, to, amount).await?;
            print::data(context.json, &tx, || format!("{amount} sent to {to}, fee {}", tx.fee));
        }
        Wallet::Pledge => {
            let pledged = context.market()?.pledge(&context.signer()?).await?;
            print::data(context.json, &pledged, || {
                format!(
                    "{} are pledged; suspended leases are free, data is kept for a week",
                    pledged.amount
                )
            });
        }
        Wallet::ReleasePledge => {
            let tx = context.market()?.release_pledge(&context.signer()?).await?;
            print::data(context.json, &tx, || "the pledge is free money again".into());
        }
        Wallet::Remove { name } => {
            wallets.remove(&name)?;
            print::data(context.json, &serde_json::json!({"removed": name}), || {
                format!("{name} is gone")
            });
        }
    }
    Ok(0)
}

async fn show(context: &Context, wallets: &Wallets, name: Option<String>) -> Result<()> {
    let name = match name {
        Some(name) => name,
        None => context.settings()?.wallet.unwrap_or_else(|| "default".into()),
    };
    let file = wallets.load(&name)?;
    let market = context.market()?;
    let holder = market.holder()?;
    let account: AccountId = file.address().parse()?;
    let view = market.balance(account).await?;
    let all = serde_json::json!({"wallet": describe(&file), "holder": holder, "balance": view});
    print::data(context.json, &all, || {
        let mut text = format!(
            "wallet     {name}\naddress    {}\nfree       {}\nspendable  {}\n",
            file.address(),
            view.free,
            view.spendable
        );
        for held in &view.held {
            text += &format!("on hold    {} ({})\n", held.amount, held.reason);
        }
        text + &format!("holder key {holder} (this device; grants name it)")
    });
    Ok(())
}

fn seal(context: &Context, name: &str, phrase: &str, no_password: bool) -> Result<WalletFile> {
    if no_password {
        return Ok(WalletFile::seal(name, phrase, None)?);
    }
    let password = context.password(name)?;
    anyhow::ensure!(
        !password.is_empty(),
        "an empty password protects nothing; --no-password says so openly"
    );
    let typed = std::env::var_os("DBC_PASSWORD").is_none();
    if typed && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        let again = ask_password("Again: ")?;
        if again != password {
            return Err(coded(ErrorCode::WalletPassword, "the two passwords differ"));
        }
    }
    Ok(WalletFile::seal(name, phrase, Some(&password))?)
}

/// An address, or the name of a wallet.
fn account(wallets: &Wallets, text: &str) -> Result<AccountId> {
    match text.parse::<AccountId>() {
        Ok(account) => Ok(account),
        Err(_) => Ok(wallets.load(text)?.address().parse()?),
    }
}

fn describe(file: &WalletFile) -> serde_json::Value {
    serde_json::json!({
        "name": file.name(), "address": file.address(), "protected": file.is_protected(),
    })
}
