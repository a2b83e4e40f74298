// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title Stake: what an operator puts behind a node
/// @notice An operator bonds tokens to a node that has agreed to it, and takes them back after a waiting time.
/// @dev A node belongs to the first operator that bonds it with the node's consent, for good: the consent carries no
///      nonce, so a second owner could be pushed out again with an old one. A device that changes hands gets a new key.
contract Stake is EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

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
        uint128 bonded;
        uint128 thawing;
    }

    /// @notice Seconds from `unbond` until the stake can be withdrawn.
    uint64 public constant UNBOND_SECONDS = 14 days;
    /// @notice Most unbondings of one node that may wait at the same time.
    uint256 public constant MAX_UNBONDINGS = 16;

    bytes32 private constant NODE_CONSENT_TYPEHASH = keccak256("NodeConsent(address node,address operator)");

    /// @notice The ERC-20 that is staked.
    IERC20 public immutable token;

    mapping(address node => Bond) private _bonds;
    mapping(address node => mapping(uint256 number => Unbonding)) private _unbondings;

    /// @notice Stake was added; `bonded` is the node's new total.
    event Bonded(address indexed node, address indexed operator, uint128 amount, uint128 bonded);
    /// @notice Stake began to thaw and can be withdrawn from `endsAt` on.
    event Unbonded(address indexed node, address indexed operator, uint128 amount, uint64 endsAt);
    /// @notice Thawed stake went back to the operator.
    event Withdrawn(address indexed node, address indexed operator, uint128 amount);

    error AmountZero();
    error NotTheOperator(address caller, address operator);
    error ConsentInvalid(address node, address signer);
    error DepositMismatch(uint256 expected, uint256 received);
    error BondTooSmall(uint128 bonded, uint128 requested);
    error TooManyUnbondings(uint256 waiting, uint256 maximum, uint64 oldestEndsAt);
    error NothingToWithdraw(address node, uint64 nextEndsAt);

    /// @notice Fixes the staked token for good.
    /// @param token_ Any ERC-20 that moves exactly what it is asked to move.
    constructor(IERC20 token_) EIP712("Stead Stake", "1") {
        token = token_;
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
        if (stored.operator == address(0)) {
            _requireConsent(node, consent);
            stored.operator = msg.sender;
        } else if (stored.operator != msg.sender) {
            revert NotTheOperator(msg.sender, stored.operator);
        }
        stored.bonded += amount;
        emit Bonded(node, msg.sender, amount, stored.bonded);

        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
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
        if (stored.bonded < amount) revert BondTooSmall(stored.bonded, amount);
        uint256 waiting = stored.next - stored.first;
        if (waiting == MAX_UNBONDINGS) {
            revert TooManyUnbondings(waiting, MAX_UNBONDINGS, _unbondings[node][stored.first].endsAt);
        }
        endsAt = uint64(block.timestamp) + UNBOND_SECONDS;
        _unbondings[node][stored.next] = Unbonding({amount: amount, endsAt: endsAt});
        stored.next += 1;
        stored.bonded -= amount;
        stored.thawing += amount;
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
        token.safeTransfer(stored.operator, amount);
    }

    /// @notice The operator a node belongs to; zero when nobody has bonded it.
    /// @param node The node's address.
    function operatorOf(address node) external view returns (address) {
        return _bonds[node].operator;
    }

    /// @notice A node's bond, without what is thawing.
    /// @param node The node's address.
    function bonded(address node) external view returns (uint128) {
        return _bonds[node].bonded;
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

    /// @dev Without the node's word, anybody could tie somebody else's node to itself.
    function _requireConsent(address node, bytes calldata consent) private view {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(NODE_CONSENT_TYPEHASH, node, msg.sender)));
        (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(consent);
        (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest, v, r, s);
        if (fault != ECDSA.RecoverError.NoError || signer != node) revert ConsentInvalid(node, signer);
    }
}
