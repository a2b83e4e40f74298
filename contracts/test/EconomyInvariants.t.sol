// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Escrow} from "../src/Escrow.sol";
import {RewardRoots} from "../src/RewardRoots.sol";
import {Rewards} from "../src/Rewards.sol";
import {Stake} from "../src/Stake.sol";
import {SteadToken} from "../src/SteadToken.sol";
import {EconomyActors} from "./support/EconomyActors.sol";
import {HostileToken} from "./support/HostileToken.sol";
import {Test} from "./support/Vm.sol";

/// @notice What holds of tokens, fees, stake and rewards after any sequence of moves by anybody.
contract EconomyInvariantsTest is Test {
    EconomyActors private actors;
    HostileToken private dollar;
    SteadToken private token;
    Escrow private escrow;
    Stake private stake;
    Rewards private rewards;

    function setUp() public {
        actors = new EconomyActors();
        (address a, address b, address c, address d, address e) = actors.contracts();
        (dollar, token, escrow, stake, rewards) = (HostileToken(a), SteadToken(b), Escrow(c), Stake(d), Rewards(e));
    }

    /// @dev Read by forge: only the actors move.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev Read by forge: all moves but the final settlement; those that make something happen stand more than once.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[22] memory moves = [
            EconomyActors.payAnybody.selector,
            EconomyActors.payAnybody.selector,
            EconomyActors.buyLot.selector,
            EconomyActors.buyLot.selector,
            EconomyActors.payout.selector,
            EconomyActors.wait.selector,
            EconomyActors.wait.selector,
            EconomyActors.accrue.selector,
            EconomyActors.accrue.selector,
            EconomyActors.claimReward.selector,
            EconomyActors.claimReward.selector,
            EconomyActors.callBackInTransfer.selector,
            EconomyActors.sponsorIt.selector,
            EconomyActors.proposeRoot.selector,
            EconomyActors.challengeRoot.selector,
            EconomyActors.decideRoot.selector,
            EconomyActors.endRoot.selector,
            EconomyActors.bondMore.selector,
            EconomyActors.unbondSome.selector,
            EconomyActors.withdrawStake.selector,
            EconomyActors.equivocate.selector,
            EconomyActors.govern.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actors), new bytes4[](moves.length));
        for (uint256 i = 0; i < moves.length; ++i) {
            targets[0].selectors[i] = moves[i];
        }
    }

    function invariant_everyRuleHolds() public view {
        string[] memory broken = actors.brokenRules();
        if (broken.length > 0) assertTrue(false, broken[0]);
        mintingIsBounded();
        tokensAreConserved();
        dollarsAreConserved();
        stakeAddsUp();
    }

    /// @dev At the end of each sequence everybody takes out what it can, and nothing is left that belongs to anybody.
    function afterInvariant() public {
        actors.settleEverything();
        this.invariant_everyRuleHolds();
        assertEq(token.balanceOf(address(rewards)), 0, "no deposit stays");
        assertEq(token.balanceOf(address(stake)), 0, "no stake stays");
        assertEq(dollar.balanceOf(address(escrow)), escrow.feesHeld(), "only fees stay");
    }

    function mintingIsBounded() private view {
        uint256 minted = 0;
        uint256 burned = 0;
        for (uint256 lot = 0; lot < escrow.lotCount(); ++lot) {
            burned += escrow.lotAt(lot).burned;
        }
        for (uint256 i = 0; i < 4; ++i) {
            address operator = actors.operatorAt(i);
            assertTrue(rewards.minted(operator) <= actors.due(operator), "an operator's own cap");
            assertTrue(rewards.cap(operator) <= actors.due(operator), "an operator's accrued cap");
            assertEq(token.balanceOf(operator), rewards.minted(operator), "what was minted is what it has");
            minted += rewards.minted(operator);
        }
        assertTrue(minted <= actors.dueInAll(), "kappa of what was burned");
        assertTrue(minted * 10 <= burned * 9, "nine tenths of what was burned at most");
    }

    function tokensAreConserved() private view {
        uint256 supply = actors.GENESIS();
        for (uint256 lot = 0; lot < escrow.lotCount(); ++lot) {
            supply -= escrow.lotAt(lot).burned;
        }
        for (uint256 i = 0; i < 4; ++i) {
            supply += rewards.minted(actors.operatorAt(i));
        }
        supply -= actors.slashBurned() + actors.depositsBurned();
        assertEq(token.totalSupply(), supply, "supply");
        RewardRoots.Proposal memory open = rewards.proposal();
        uint256 deposits = (open.proposer == address(0) ? 0 : 1) + (open.challenger == address(0) ? 0 : 1);
        assertEq(token.balanceOf(address(rewards)), deposits * rewards.deposit(), "deposits");
        assertEq(token.balanceOf(address(escrow)), 0, "the escrow never holds tokens");
    }

    function dollarsAreConserved() private view {
        uint256 sold = 0;
        for (uint256 lot = 0; lot < escrow.lotCount(); ++lot) {
            sold += escrow.lotAt(lot).fees;
        }
        assertEq(escrow.feesHeld() + sold, actors.feesCollected(), "each fee is held or sold once");
        uint256 owed = 0;
        for (uint256 i = 0; i < 4; ++i) {
            owed += escrow.owed(actors.operatorAt(i));
        }
        assertEq(dollar.balanceOf(address(escrow)), owed + escrow.feesHeld(), "escrow");
        bytes32 coverage = keccak256("coverage");
        assertEq(rewards.sponsored(coverage), actors.sponsoredInAll(), "sponsored");
        assertEq(
            dollar.balanceOf(address(rewards)), rewards.sponsored(coverage) - rewards.spent(coverage), "sponsors' money"
        );
    }

    function stakeAddsUp() private view {
        uint256 bonded = 0;
        uint256 thawing = 0;
        for (uint256 i = 0; i < 4; ++i) {
            address node = actors.nodeAt(i);
            bonded += stake.bonded(node);
            uint256 waiting = 0;
            Stake.Unbonding[] memory list = stake.unbondings(node);
            for (uint256 j = 0; j < list.length; ++j) {
                waiting += list[j].amount;
            }
            assertEq(stake.thawing(node), waiting, "thawing = sum of unbondings");
            thawing += waiting;
        }
        assertEq(stake.totalBonded(), bonded, "total");
        assertEq(token.balanceOf(address(stake)), bonded + thawing, "stake");
    }
}
