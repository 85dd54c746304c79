//! The council and the technical committee.

use dbc_chain_client::{At, Body, ChainClient, MotionRecord};

use super::{super::network::finish, number::set_views};
use crate::{
    Market, MarketError,
    account::Signer,
    convert,
    view::{CouncilView, MotionView, TxView},
};

impl Market {
    /// Seats and motions.
    pub async fn council(&self, body: Body) -> Result<CouncilView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let calendar = self.calendar().await?;
        let numbers = view.numbers().await?;
        let now = u32::try_from(view.number()).unwrap_or(u32::MAX);
        let motion = |found: MotionRecord| MotionView {
            id: found.index,
            sets: set_views(&numbers, &found.proposal.sets, calendar),
            call: convert::line(&found.proposal.text),
            threshold: found.threshold,
            ayes: found.ayes,
            nays: found.nays,
            ends: found.ends,
            ends_in_s: calendar.seconds(found.ends.saturating_sub(now).into()),
        };
        Ok(CouncilView {
            body,
            seats: view.seats(body).await?,
            motions: view.motions(body).await?.into_iter().map(motion).collect(),
        })
    }

    /// Moves that a call be done when so many are for it; without a number, two thirds of the seats. The
    /// signer's own vote is not cast by it.
    ///
    /// Errors: `chain_refused` for whoever has no seat.
    pub async fn council_propose(
        &self,
        signer: &Signer,
        body: Body,
        threshold: Option<u32>,
        call: &[u8],
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let seats = u32::try_from(view.seats(body).await?.len()).unwrap_or(u32::MAX);
        let wanted = threshold.unwrap_or(seats.saturating_mul(2).div_ceil(3)).max(1);
        finish(chain.council_propose(signer, &view, body, wanted, call).await?).await
    }

    /// Votes on a motion.
    pub async fn council_vote(
        &self,
        signer: &Signer,
        body: Body,
        id: u32,
        aye: bool,
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let motion = motion(&chain, body, id).await?;
        finish(chain.council_vote(signer, body, &motion, aye).await?).await
    }

    /// Closes a motion that is decided, or whose time is over; if it passed, its call is done.
    ///
    /// Errors: `chain_refused` while neither is so.
    pub async fn council_close(
        &self,
        signer: &Signer,
        body: Body,
        id: u32,
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let motion = motion(&chain, body, id).await?;
        finish(chain.council_close(signer, body, &motion).await?).await
    }
}

async fn motion(chain: &ChainClient, body: Body, id: u32) -> Result<MotionRecord, MarketError> {
    let all = chain.at(At::Best).await?.motions(body).await?;
    all.into_iter().find(|motion| motion.index == id).ok_or_else(|| MarketError::Input {
        field: "motion",
        why: format!("there is none of number {id}; `dbc council list` shows them"),
    })
}
