// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Escrow} from "./Escrow.sol";
import {Stake} from "./Stake.sol";
import {Statements} from "./Statements.sol";
import {SteadToken} from "./SteadToken.sol";

/// @title RewardRoots: how the network agrees who earned what
/// @notice Anybody with enough stake proposes, for an epoch that has ended, the Merkle root of what every operator
/// has earned since the beginning, and names the evidence from which anybody can compute it again. Whoever gets
/// another result challenges it within the window. Then more than two thirds of the stake that was bonded at the
/// epoch's end decide by signatures.
/// @dev Leaves are cumulative: an epoch without a root delays and loses nothing, so a proposal that nobody decides on
///      is simply dropped. Votes are statements of nodes in one slot: a node that signs for two roots loses its bond.
abstract contract RewardRoots is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice A root and the evidence that it was computed from.
    /// @param root Merkle root of the leaves (program, operator, cumulative); see Rewards.
    /// @param evidence SHA-256 digest in the content id of the evidence document.
    struct Result {
        bytes32 root;
        bytes32 evidence;
    }

    /// @notice The open proposal; all zero while there is none.
    /// @param epoch The newest epoch that the proposed root covers.
    /// @param attempt Number of the proposal, never used twice.
    /// @param endsAt Last Unix second to challenge it, or to decide once it was challenged.
    /// @param proposer Who put a deposit behind `proposed`.
    /// @param challenger Who put a deposit behind `other`; zero while nobody has.
    struct Proposal {
        uint64 epoch;
        uint64 attempt;
        uint64 endsAt;
        address proposer;
        address challenger;
        Result proposed;
        Result other;
    }

    /// @notice A node's signature for a result, EIP-2098.
    struct Vote {
        bytes32 r;
        bytes32 vs;
    }

    /// @notice Fixed numbers of proposals.
    /// @param challengeSeconds How long a proposal can be challenged; at least a day but on development chains.
    /// @param decisionSeconds How long a challenged one can be decided; at least a day but on development chains.
    /// @param minimumStake What a node must have bonded so that its operator may propose or challenge.
    /// @param deposit What proposer and challenger put in, in the token's unit, not zero.
    struct RootTerms {
        uint64 challengeSeconds;
        uint64 decisionSeconds;
        uint128 minimumStake;
        uint128 deposit;
    }

    /// @notice Shortest window, but on development chains.
    uint256 public constant MIN_WINDOW_SECONDS = 1 days;
    /// @notice Longest time from an epoch's end to the last vote on it: shorter than stake takes to leave, so that
    /// whoever votes still has at stake what gives the vote its weight.
    uint256 public constant MAX_AGE_SECONDS = 12 days;

    bytes32 private constant DECISION_PURPOSE = keccak256("stead/root-decision");

    /// @notice The token that deposits are made in.
    SteadToken public immutable rewardToken;
    /// @notice Whose bonds vote.
    Stake public immutable stake;
    /// @notice Whose epochs these are.
    Escrow public immutable escrow;
    uint64 public immutable challengeSeconds;
    uint64 public immutable decisionSeconds;
    uint128 public immutable minimumStake;
    uint128 public immutable deposit;

    /// @notice How many proposals there have been.
    uint64 public attempts;
    /// @notice The newest epoch that the final root covers, and whether there is a final root at all.
    uint64 public finalEpoch;
    bool public anyFinal;
    Result internal _final;
    Proposal private _proposal;

    event RootProposed(
        uint64 indexed epoch, uint64 indexed attempt, address indexed proposer, bytes32 root, bytes32 evidence
    );
    event RootChallenged(
        uint64 indexed epoch, uint64 indexed attempt, address indexed challenger, bytes32 root, bytes32 evidence
    );
    /// @notice Votes of `stakeFor` out of `stakeTotal` decided for a result.
    event RootDecided(uint64 indexed epoch, uint64 indexed attempt, uint256 stakeFor, uint256 stakeTotal);
    /// @notice From now on claims are against this root.
    event RootFinal(uint64 indexed epoch, uint64 indexed attempt, bytes32 root, bytes32 evidence);
    /// @notice Nobody decided in time; both deposits went back, and the next proposal may come.
    event RootDropped(uint64 indexed epoch, uint64 indexed attempt);

    error RootTermsInvalid();
    error EpochNotOver(uint256 epoch, uint256 epochNow);
    error EpochTooOld(uint256 epoch, uint256 lastMoment);
    error EpochAlreadyFinal(uint256 epoch, uint256 finalEpoch);
    error ProposalOpen(uint64 attempt);
    error NoProposal();
    error WrongAttempt(uint64 attempt, uint64 open);
    error WindowOver(uint64 endsAt);
    error WindowOpen(uint64 endsAt);
    error AlreadyChallenged(address challenger);
    error NotChallenged();
    error SameResult();
    error NotTheNodesOperator(address caller, address operator);
    error StakeTooSmall(uint256 bonded, uint256 minimum);
    error VotesNotSorted(uint256 position);
    error NotEnoughVotes(uint256 stakeFor, uint256 stakeTotal);

    constructor(SteadToken token_, Stake stake_, Escrow escrow_, RootTerms memory terms) {
        bool isDevelopment = block.chainid == 31337 || block.chainid == 1337;
        uint256 shortest = isDevelopment ? 1 : MIN_WINDOW_SECONDS;
        bool sane = terms.challengeSeconds >= shortest && terms.decisionSeconds >= shortest && terms.minimumStake > 0
            && terms.deposit > 0 && uint256(terms.challengeSeconds) + terms.decisionSeconds <= MAX_AGE_SECONDS / 2;
        if (!sane) revert RootTermsInvalid();
        rewardToken = token_;
        stake = stake_;
        escrow = escrow_;
        challengeSeconds = terms.challengeSeconds;
        decisionSeconds = terms.decisionSeconds;
        minimumStake = terms.minimumStake;
        deposit = terms.deposit;
    }

    /// @notice Proposes a result for an epoch that has ended and lies after the final one. One proposal is open at a
    /// time; the caller's deposit, approved before, is held until it is over.
    /// @param epoch The newest epoch that the root covers.
    /// @param result Root and evidence.
    /// @param node A node of the caller's with at least `minimumStake` bonded.
    /// @return attempt Number of the proposal.
    function propose(uint64 epoch, Result calldata result, address node)
        external
        nonReentrant
        returns (uint64 attempt)
    {
        if (_proposal.proposer != address(0)) revert ProposalOpen(_proposal.attempt);
        if (epoch >= escrow.epochNow()) revert EpochNotOver(epoch, escrow.epochNow());
        if (anyFinal && epoch <= finalEpoch) revert EpochAlreadyFinal(epoch, finalEpoch);
        uint256 lastMoment = escrow.epochBegin(epoch + 1) + MAX_AGE_SECONDS - challengeSeconds - decisionSeconds;
        if (block.timestamp > lastMoment) revert EpochTooOld(epoch, lastMoment);
        _requireStake(node);

        attempt = ++attempts;
        _proposal.epoch = epoch;
        _proposal.attempt = attempt;
        _proposal.endsAt = uint64(block.timestamp) + challengeSeconds;
        _proposal.proposer = msg.sender;
        _proposal.proposed = result;
        emit RootProposed(epoch, attempt, msg.sender, result.root, result.evidence);
        IERC20(rewardToken).safeTransferFrom(msg.sender, address(this), deposit);
    }

    /// @notice Puts another result beside the proposed one, and a deposit behind it.
    /// @param attempt Number of the proposal.
    /// @param result Another root, or the same from other evidence.
    /// @param node A node of the caller's with at least `minimumStake` bonded.
    function challenge(uint64 attempt, Result calldata result, address node) external nonReentrant {
        Proposal storage open = _open(attempt);
        if (open.challenger != address(0)) revert AlreadyChallenged(open.challenger);
        if (block.timestamp > open.endsAt) revert WindowOver(open.endsAt);
        if (_same(result, open.proposed)) revert SameResult();
        _requireStake(node);

        open.challenger = msg.sender;
        open.other = result;
        open.endsAt = uint64(block.timestamp) + decisionSeconds;
        emit RootChallenged(open.epoch, attempt, msg.sender, result.root, result.evidence);
        IERC20(rewardToken).safeTransferFrom(msg.sender, address(this), deposit);
    }

    /// @notice Makes a result final that more than two thirds of the stake at the epoch's end have signed for. It may
    /// be the proposed one, the challenger's, or a third: two who lie in league cannot leave only lies to choose from.
    /// @dev Whoever was for the winner gets its deposit back and half of the loser's; the other half is burned. Votes
    ///      of nodes that have been expelled meanwhile do not count. Works on proposals without a challenge as well.
    /// @param attempt Number of the proposal.
    /// @param result What was signed for.
    /// @param votes Signatures of `Statement(decisionSlot, decisionPayload)`, by rising address of the signer.
    function decide(uint64 attempt, Result calldata result, Vote[] calldata votes) external nonReentrant {
        Proposal memory open = _open(attempt);
        if (block.timestamp > open.endsAt) revert WindowOver(open.endsAt);
        uint256 snapshotAt = escrow.epochBegin(open.epoch + 1);
        uint256 stakeTotal = stake.totalBondedAt(snapshotAt);
        uint256 stakeFor = _stakeOf(votes, decisionSlot(open.epoch, attempt), decisionPayload(result), snapshotAt);
        if (3 * stakeFor <= 2 * stakeTotal) revert NotEnoughVotes(stakeFor, stakeTotal);
        emit RootDecided(open.epoch, attempt, stakeFor, stakeTotal);

        _finish(open, result);
        bool proposerWon = _same(result, open.proposed);
        bool challengerWon = open.challenger != address(0) && _same(result, open.other);
        if (open.challenger == address(0)) {
            _share(proposerWon ? open.proposer : address(0), deposit, 0);
        } else if (proposerWon || challengerWon) {
            _share(proposerWon ? open.proposer : open.challenger, deposit, deposit);
        } else {
            rewardToken.burn(2 * uint256(deposit));
        }
    }

    /// @notice Makes a proposal final that nobody has challenged in its window. Anybody may call.
    /// @param attempt Number of the proposal.
    function finalize(uint64 attempt) external nonReentrant {
        Proposal memory open = _open(attempt);
        if (open.challenger != address(0)) revert AlreadyChallenged(open.challenger);
        if (block.timestamp <= open.endsAt) revert WindowOpen(open.endsAt);
        _finish(open, open.proposed);
        _share(open.proposer, deposit, 0);
    }

    /// @notice Drops a challenged proposal on which nobody has decided in time, and gives both deposits back: silence
    /// of the voters proves nothing against either. Anybody may call.
    /// @param attempt Number of the proposal.
    function drop(uint64 attempt) external nonReentrant {
        Proposal memory open = _open(attempt);
        if (open.challenger == address(0)) revert NotChallenged();
        if (block.timestamp <= open.endsAt) revert WindowOpen(open.endsAt);
        delete _proposal;
        emit RootDropped(open.epoch, attempt);
        _share(open.proposer, deposit, 0);
        _share(open.challenger, deposit, 0);
    }

    /// @notice The open proposal; all zero while there is none.
    function proposal() external view returns (Proposal memory) {
        return _proposal;
    }

    /// @notice The final root and its evidence; zero before the first.
    function finalResult() external view returns (Result memory) {
        return _final;
    }

    /// @notice The slot in which a node votes, once, on a proposal.
    /// @param epoch The proposal's epoch.
    /// @param attempt The proposal's number.
    function decisionSlot(uint64 epoch, uint64 attempt) public view returns (bytes32) {
        return keccak256(abi.encode(DECISION_PURPOSE, block.chainid, address(this), epoch, attempt));
    }

    /// @notice The payload of a vote for a result.
    function decisionPayload(Result calldata result) public pure returns (bytes32) {
        return keccak256(abi.encode(result.root, result.evidence));
    }

    /// @dev The stake behind votes; each node counts once because signers must rise.
    function _stakeOf(Vote[] calldata votes, bytes32 slot, bytes32 payload, uint256 snapshotAt)
        private
        view
        returns (uint256 sum)
    {
        address last = address(0);
        for (uint256 i = 0; i < votes.length; ++i) {
            address node = Statements.signerOf(slot, payload, votes[i].r, votes[i].vs);
            if (node <= last) revert VotesNotSorted(i);
            last = node;
            if (!stake.expelled(node)) sum += stake.bondedAt(node, snapshotAt);
        }
    }

    function _finish(Proposal memory open, Result memory result) private {
        delete _proposal;
        finalEpoch = open.epoch;
        anyFinal = true;
        _final = result;
        emit RootFinal(open.epoch, open.attempt, result.root, result.evidence);
    }

    /// @dev Sends a winner its own deposit and half of what the loser put in; burns the rest, and all without a winner.
    function _share(address winner, uint256 own, uint256 lost) private {
        uint256 won = winner == address(0) ? 0 : own + lost / 2;
        if (own + lost > won) rewardToken.burn(own + lost - won);
        if (won > 0) IERC20(rewardToken).safeTransfer(winner, won);
    }

    function _open(uint64 attempt) private view returns (Proposal storage) {
        if (_proposal.proposer == address(0)) revert NoProposal();
        if (_proposal.attempt != attempt) revert WrongAttempt(attempt, _proposal.attempt);
        return _proposal;
    }

    function _requireStake(address node) private view {
        address operator = stake.operatorOf(node);
        if (operator != msg.sender) revert NotTheNodesOperator(msg.sender, operator);
        uint256 bonded = stake.bonded(node);
        if (bonded < minimumStake) revert StakeTooSmall(bonded, minimumStake);
    }

    function _same(Result memory a, Result memory b) private pure returns (bool) {
        return a.root == b.root && a.evidence == b.evidence;
    }
}
