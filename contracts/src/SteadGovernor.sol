// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Escrow} from "./Escrow.sol";
import {Rewards} from "./Rewards.sol";
import {Stake} from "./Stake.sol";

/// @title SteadGovernor: token holders change the five things that can be changed
/// @notice The fee φ of later purses (at most 10 %), κ of later lots (at most 0.9), which programs are in use, and
/// which contracts may punish. A proposal that calls anything else cannot even be made.
/// @dev Its own numbers are fixed: a majority of one day cannot make the next one cheaper.
contract SteadGovernor is Governor, GovernorCountingSimple, GovernorVotes, GovernorTimelockControl {
    /// @notice Numbers of the votes.
    /// @param votingDelay Seconds from a proposal to the snapshot of votes.
    /// @param votingPeriod Seconds of voting.
    /// @param proposalThreshold Votes that a proposer needs, in the token's unit.
    /// @param quorumBps Part of the supply that must vote for or abstain, in hundredths of a percent, 1 .. 10,000.
    struct VotingTerms {
        uint48 votingDelay;
        uint32 votingPeriod;
        uint256 proposalThreshold;
        uint256 quorumBps;
    }

    /// @notice The contracts that can be changed.
    Escrow public immutable escrow;
    Stake public immutable stake;
    Rewards public immutable rewards;

    /// @notice Part of the supply that must vote, in hundredths of a percent.
    uint256 public immutable quorumBps;
    uint48 private immutable _votingDelay;
    uint32 private immutable _votingPeriod;
    uint256 private immutable _proposalThreshold;

    error CallNotAllowed(uint256 position, address target, bytes4 selector);
    error QuorumInvalid(uint256 quorumBps);
    error TimelockIsFixed();

    constructor(
        IVotes token_,
        TimelockController timelock_,
        Escrow escrow_,
        Stake stake_,
        Rewards rewards_,
        VotingTerms memory terms
    ) Governor("Stead Governor") GovernorVotes(token_) GovernorTimelockControl(timelock_) {
        if (terms.quorumBps == 0 || terms.quorumBps > 10_000) {
            revert QuorumInvalid(terms.quorumBps);
        }
        escrow = escrow_;
        stake = stake_;
        rewards = rewards_;
        quorumBps = terms.quorumBps;
        _votingDelay = terms.votingDelay;
        _votingPeriod = terms.votingPeriod;
        _proposalThreshold = terms.proposalThreshold;
    }

    /// @notice Whether a proposal may make a call.
    /// @param target The contract that is called.
    /// @param selector First four bytes of the calldata.
    function isAllowed(address target, bytes4 selector) public view returns (bool) {
        if (target == address(escrow)) return selector == Escrow.setFeeBps.selector;
        if (target == address(rewards)) {
            return selector == Rewards.setKappaBps.selector || selector == Rewards.setProgram.selector;
        }
        if (target != address(stake)) return false;
        return selector == Stake.addAdjudicator.selector || selector == Stake.removeAdjudicator.selector;
    }

    /// @notice As OpenZeppelin's Governor, in seconds.
    function votingDelay() public view override returns (uint256) {
        return _votingDelay;
    }

    /// @notice As OpenZeppelin's Governor, in seconds.
    function votingPeriod() public view override returns (uint256) {
        return _votingPeriod;
    }

    /// @notice As OpenZeppelin's Governor, in the token's unit.
    function proposalThreshold() public view override returns (uint256) {
        return _proposalThreshold;
    }

    /// @notice Votes that must be for or abstain, of the supply at the snapshot.
    function quorum(uint256 timepoint) public view override returns (uint256) {
        return (token().getPastTotalSupply(timepoint) * quorumBps) / 10_000;
    }

    /// @notice The timelock that executes never changes.
    function updateTimelock(TimelockController) public pure override {
        revert TimelockIsFixed();
    }

    function state(uint256 proposalId) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(proposalId);
    }

    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal override returns (uint256) {
        for (uint256 i = 0; i < targets.length && i < calldatas.length; ++i) {
            bytes4 selector = bytes4(calldatas[i]);
            if (!isAllowed(targets[i], selector)) revert CallNotAllowed(i, targets[i], selector);
        }
        return super._propose(targets, values, calldatas, description, proposer);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
