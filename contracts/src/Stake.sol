// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title Stake: what an operator puts behind a node
/// @notice An operator bonds tokens to a node that has agreed to it, and takes them back after a waiting time. What is
/// bonded counts in votes on reward roots; what is bonded or waiting is lost in part or whole when the node provably
/// cheats.
/// @dev A node belongs to the first operator that bonds it with the node's consent, for good: the consent carries no
///      nonce, so a second owner could be pushed out again with an old one. A device that changes hands gets a new key.
///      Only contracts that check a proof, the adjudicators, take stake. The governor may add one, which acts only
///      after everybody who does not trust it has had the time to leave, and nothing can hold a withdrawal back.
contract Stake is EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace208;

    /// @notice Stake on its way out.
    /// @param amount In the token's smallest unit.
    /// @param endsAt Unix second from which it can be withdrawn.
    struct Unbonding {
        uint128 amount;
        uint64 endsAt;
    }

    /// @dev Unbondings of a node are numbered; those in [first, next) wait, oldest first.
    struct Bond {
        address operator;
        uint32 first;
        uint32 next;
        bool expelled;
        uint128 thawing;
    }

    /// @notice Seconds from `unbond` until the stake can be withdrawn.
    uint64 public constant UNBOND_SECONDS = 14 days;
    /// @notice Most unbondings of one node that may wait at the same time.
    uint256 public constant MAX_UNBONDINGS = 16;
    /// @notice The reporter's part of what a punished node loses, in hundredths of a percent; the rest is burned. It
    /// pays for watching, and leaves a cheat that reports itself with a loss of nine tenths.
    uint256 public constant REPORTER_BPS = 1_000;

    bytes32 private constant NODE_CONSENT_TYPEHASH = keccak256("NodeConsent(address node,address operator)");

    /// @notice The token that is staked.
    ERC20Burnable public immutable token;
    /// @notice Who may add and remove adjudicators: the timelock of the governor contract.
    address public immutable governor;

    /// @notice Unix second from which an adjudicator may punish; 0 for what is none.
    mapping(address adjudicator => uint64) public adjudicatorFrom;
    /// @notice Whether a node was punished for what it said or did in a slot: never twice for the same.
    mapping(address node => mapping(bytes32 slot => bool)) public punished;

    Checkpoints.Trace208 private _total;
    mapping(address node => Checkpoints.Trace208) private _bonded;
    mapping(address node => Bond) private _bonds;
    mapping(address node => mapping(uint256 number => Unbonding)) private _unbondings;

    /// @notice Stake was added; `bonded` is the node's new total.
    event Bonded(address indexed node, address indexed operator, uint128 amount, uint128 bonded);
    /// @notice Stake began to thaw and can be withdrawn from `endsAt` on.
    event Unbonded(address indexed node, address indexed operator, uint128 amount, uint64 endsAt);
    /// @notice Thawed stake went back to the operator.
    event Withdrawn(address indexed node, address indexed operator, uint128 amount);
    /// @notice A node lost `taken` of its stake, of which the reporter received `reward`; the rest was burned.
    event Slashed(
        address indexed node,
        bytes32 indexed slot,
        address indexed adjudicator,
        address reporter,
        uint256 taken,
        uint256 reward
    );
    /// @notice An adjudicator may punish from `activeFrom` on; 0 means never again.
    event AdjudicatorChanged(address indexed adjudicator, uint64 activeFrom);

    error AmountZero();
    error NotTheOperator(address caller, address operator);
    error ConsentInvalid(address node, address signer);
    error DepositMismatch(uint256 expected, uint256 received);
    error BondTooSmall(uint128 bonded, uint128 requested);
    error TooManyUnbondings(uint256 waiting, uint256 maximum, uint64 oldestEndsAt);
    error NothingToWithdraw(address node, uint64 nextEndsAt);
    error NotTheGovernor(address caller, address governor);
    error NotAnAdjudicator(address caller, uint64 activeFrom);
    error AlreadyPunished(address node, bytes32 slot);
    error NodeExpelled(address node);
    error NothingToSlash(address node);
    error ShareInvalid(uint256 shareBps);
    error NotYetPast(uint256 timestamp, uint256 nowSeconds);

    /// @notice Fixes the staked token and the governor for good.
    /// @param token_ Any burnable ERC-20 that moves exactly what it is asked to move.
    /// @param governor_ Who may add and remove adjudicators.
    /// @param adjudicators Those that may punish from the beginning.
    constructor(ERC20Burnable token_, address governor_, address[] memory adjudicators) EIP712("Stead Stake", "1") {
        token = token_;
        governor = governor_;
        for (uint256 i = 0; i < adjudicators.length; ++i) {
            adjudicatorFrom[adjudicators[i]] = uint64(block.timestamp);
            emit AdjudicatorChanged(adjudicators[i], uint64(block.timestamp));
        }
    }

    /// @notice Adds `amount` of the caller's tokens, approved before, to a node's bond. Makes the caller its operator
    /// when it has none.
    /// @param node The node's address.
    /// @param amount In the token's smallest unit, more than zero.
    /// @param consent The node key's signature of `NodeConsent(node, operator)`, 65 or 64 bytes; ignored, and best left
    /// empty, once the caller is the node's operator.
    function bond(address node, uint128 amount, bytes calldata consent) external nonReentrant {
        if (amount == 0) revert AmountZero();
        Bond storage stored = _bonds[node];
        if (stored.expelled) revert NodeExpelled(node);
        if (stored.operator == address(0)) {
            _requireConsent(node, consent);
            stored.operator = msg.sender;
        } else if (stored.operator != msg.sender) {
            revert NotTheOperator(msg.sender, stored.operator);
        }
        uint128 total = bonded(node) + amount;
        _setBonded(node, total);
        emit Bonded(node, msg.sender, amount, total);

        uint256 balanceBefore = token.balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - balanceBefore;
        if (received != amount) revert DepositMismatch(amount, received);
    }

    /// @notice Starts to take `amount` back. It stops counting as bonded at once and can be withdrawn after
    /// `UNBOND_SECONDS`. Only the node's operator may call.
    /// @param node The node's address.
    /// @param amount In the token's smallest unit, more than zero.
    /// @return endsAt Unix second from which it can be withdrawn.
    function unbond(address node, uint128 amount) external returns (uint64 endsAt) {
        if (amount == 0) revert AmountZero();
        Bond storage stored = _bonds[node];
        if (stored.operator != msg.sender) revert NotTheOperator(msg.sender, stored.operator);
        uint128 total = bonded(node);
        if (total < amount) revert BondTooSmall(total, amount);
        uint256 waiting = stored.next - stored.first;
        if (waiting == MAX_UNBONDINGS) {
            revert TooManyUnbondings(waiting, MAX_UNBONDINGS, _unbondings[node][stored.first].endsAt);
        }
        endsAt = uint64(block.timestamp) + UNBOND_SECONDS;
        _unbondings[node][stored.next] = Unbonding({amount: amount, endsAt: endsAt});
        stored.next += 1;
        stored.thawing += amount;
        _setBonded(node, total - amount);
        emit Unbonded(node, msg.sender, amount, endsAt);
    }

    /// @notice Sends all of a node's thawed stake to its operator. Anybody may call.
    /// @param node The node's address.
    /// @return amount What was sent.
    function withdraw(address node) external nonReentrant returns (uint128 amount) {
        Bond storage stored = _bonds[node];
        uint32 first = stored.first;
        uint32 next = stored.next;
        uint64 nextEndsAt = 0;
        while (first < next) {
            Unbonding storage oldest = _unbondings[node][first];
            nextEndsAt = oldest.endsAt;
            if (block.timestamp < nextEndsAt) break;
            amount += oldest.amount;
            delete _unbondings[node][first];
            first += 1;
        }
        if (amount == 0) revert NothingToWithdraw(node, nextEndsAt);
        stored.first = first;
        stored.thawing -= amount;
        emit Withdrawn(node, stored.operator, amount);
        IERC20(token).safeTransfer(stored.operator, amount);
    }

    /// @notice Takes a share of all that a node has bonded and of each of its unbondings alike, pays the reporter its
    /// part and burns the rest. A node that loses everything is expelled: it can never be bonded again, so nobody can
    /// be punished for a slot with next to nothing at stake and then lie in that slot with much. Only an adjudicator
    /// may call.
    /// @param node Who is punished.
    /// @param slot What for; a node is punished once for a slot, whoever asks.
    /// @param shareBps Share in hundredths of a percent, 1 .. 10,000.
    /// @param reporter Who receives `REPORTER_BPS` of what is taken.
    /// @return taken What the node lost.
    function slash(address node, bytes32 slot, uint256 shareBps, address reporter)
        external
        nonReentrant
        returns (uint256 taken)
    {
        uint64 activeFrom = adjudicatorFrom[msg.sender];
        if (activeFrom == 0 || block.timestamp < activeFrom) revert NotAnAdjudicator(msg.sender, activeFrom);
        if (shareBps == 0 || shareBps > 10_000) revert ShareInvalid(shareBps);
        if (punished[node][slot]) revert AlreadyPunished(node, slot);
        punished[node][slot] = true;
        if (shareBps == 10_000) _bonds[node].expelled = true;
        taken = _take(node, shareBps);
        if (taken == 0) revert NothingToSlash(node);
        uint256 reward = (taken * REPORTER_BPS) / 10_000;
        emit Slashed(node, slot, msg.sender, reporter, taken, reward);
        token.burn(taken - reward);
        IERC20(token).safeTransfer(reporter, reward);
    }

    /// @notice Lets a contract punish, from `UNBOND_SECONDS` on: whoever does not trust it and unbonds at once has
    /// everything back by then. Only the governor may call.
    /// @param adjudicator A contract that checks proofs.
    function addAdjudicator(address adjudicator) external {
        _requireGovernor();
        if (adjudicatorFrom[adjudicator] != 0) return;
        uint64 activeFrom = uint64(block.timestamp) + UNBOND_SECONDS + 1;
        adjudicatorFrom[adjudicator] = activeFrom;
        emit AdjudicatorChanged(adjudicator, activeFrom);
    }

    /// @notice Takes a contract's power to punish, at once. Only the governor may call.
    /// @param adjudicator Which contract.
    function removeAdjudicator(address adjudicator) external {
        _requireGovernor();
        delete adjudicatorFrom[adjudicator];
        emit AdjudicatorChanged(adjudicator, 0);
    }

    /// @notice The operator a node belongs to; zero when nobody has bonded it.
    /// @param node The node's address.
    function operatorOf(address node) external view returns (address) {
        return _bonds[node].operator;
    }

    /// @notice Whether a node has lost everything and can never be bonded again.
    /// @param node The node's address.
    function expelled(address node) external view returns (bool) {
        return _bonds[node].expelled;
    }

    /// @notice A node's bond, without what is thawing.
    /// @param node The node's address.
    function bonded(address node) public view returns (uint128) {
        return uint128(_bonded[node].latest());
    }

    /// @notice All nodes' bonds together, without what is thawing.
    function totalBonded() external view returns (uint256) {
        return _total.latest();
    }

    /// @notice What a node had bonded at the end of a past second.
    /// @param node The node's address.
    /// @param timestamp Unix second before the current block's.
    function bondedAt(address node, uint256 timestamp) external view returns (uint256) {
        _requirePast(timestamp);
        return _bonded[node].upperLookupRecent(uint48(timestamp));
    }

    /// @notice What all nodes had bonded at the end of a past second.
    /// @param timestamp Unix second before the current block's.
    function totalBondedAt(uint256 timestamp) external view returns (uint256) {
        _requirePast(timestamp);
        return _total.upperLookupRecent(uint48(timestamp));
    }

    /// @notice All of a node's stake that was unbonded and not yet withdrawn.
    /// @param node The node's address.
    function thawing(address node) external view returns (uint128) {
        return _bonds[node].thawing;
    }

    /// @notice A node's unbondings that were not yet withdrawn, oldest first; at most `MAX_UNBONDINGS`.
    /// @param node The node's address.
    function unbondings(address node) external view returns (Unbonding[] memory waiting) {
        Bond storage stored = _bonds[node];
        waiting = new Unbonding[](stored.next - stored.first);
        for (uint256 i = 0; i < waiting.length; ++i) {
            waiting[i] = _unbondings[node][stored.first + i];
        }
    }

    /// @dev Takes a share of a node's bond and of each unbonding, rounded down.
    function _take(address node, uint256 shareBps) private returns (uint256 taken) {
        Bond storage stored = _bonds[node];
        uint128 before = bonded(node);
        uint128 fromBond = uint128((uint256(before) * shareBps) / 10_000);
        uint128 fromThawing = 0;
        for (uint256 number = stored.first; number < stored.next; ++number) {
            Unbonding storage each = _unbondings[node][number];
            uint128 part = uint128((uint256(each.amount) * shareBps) / 10_000);
            each.amount -= part;
            fromThawing += part;
        }
        stored.thawing -= fromThawing;
        if (fromBond > 0) _setBonded(node, before - fromBond);
        taken = uint256(fromBond) + fromThawing;
    }

    /// @dev Sets a node's bond and moves the total with it, as of this second.
    function _setBonded(address node, uint128 amount) private {
        uint48 nowSeconds = uint48(block.timestamp);
        (uint208 before, uint208 current) = _bonded[node].push(nowSeconds, amount);
        _total.push(nowSeconds, _total.latest() - before + current);
    }

    function _requireGovernor() private view {
        if (msg.sender != governor) revert NotTheGovernor(msg.sender, governor);
    }

    /// @dev What is bonded in the current second may still change.
    function _requirePast(uint256 timestamp) private view {
        if (timestamp >= block.timestamp) revert NotYetPast(timestamp, block.timestamp);
    }

    /// @dev Without the node's word, anybody could tie somebody else's node to itself.
    function _requireConsent(address node, bytes calldata consent) private view {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(NODE_CONSENT_TYPEHASH, node, msg.sender)));
        (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(consent);
        (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest, v, r, s);
        if (fault != ECDSA.RecoverError.NoError || signer != node) revert ConsentInvalid(node, signer);
    }
}
