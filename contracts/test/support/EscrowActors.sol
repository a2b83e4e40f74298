// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Escrow} from "../../src/Escrow.sol";
import {MerkleSum} from "../../src/MerkleSum.sol";
import {Settlement} from "../../src/Settlement.sol";
import {Claims, Made} from "./Claims.sol";
import {newEscrow} from "./Deploy.sol";
import {Digests} from "./EscrowTest.sol";
import {HostileToken} from "./HostileToken.sol";
import {Leaf, Point, Trees} from "./Trees.sol";
import {Test} from "./Vm.sol";

/// @notice A channel whose provider holds a valid branch, and the best voucher that it was given.
struct Held {
    bytes32 purse;
    uint256 signerKey;
    Leaf leaf;
    uint256 index;
    bytes branch;
    uint128 best;
}

/// @notice Everybody who touches one escrow: payers (some lying), providers, watchtowers, thieves, a token that calls
/// back. Each public function is one move that the fuzzer may make, in any order and with any numbers.
contract EscrowActors is Test {
    uint128 private constant MOST = 1_000_000_000_000;
    uint256 private constant THIEF_KEY = 0x7417EF;

    HostileToken public immutable token;
    Escrow public immutable escrow;
    address public immutable thief;

    /// @notice What must never become true; each names the rule that was broken.
    string[] public broken;
    uint256 public donated;

    bytes32[] private _purses;
    Held[] private _held;
    bytes[] private _lies;
    mapping(bytes32 purse => uint256) private _signerKeys;

    constructor() {
        vm.warp(1_800_000_000);
        token = new HostileToken(6);
        escrow = newEscrow(address(token), 777);
        thief = vm.addr(THIEF_KEY);
        token.approveFromHere(address(escrow), type(uint256).max);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(payerAt(i));
            token.approve(address(escrow), type(uint256).max);
        }
    }

    function payerAt(uint256 i) public pure returns (address) {
        return vm.addr(0xA0 + (i % 3));
    }

    function operatorAt(uint256 i) public pure returns (address) {
        return address(uint160(0x5000 + (i % 4)));
    }

    function purses() external view returns (bytes32[] memory) {
        return _purses;
    }

    function held() external view returns (Held[] memory) {
        return _held;
    }

    function brokenRules() external view returns (string[] memory) {
        return broken;
    }

    // Moves of payers

    function fundHonestly(uint256 who, uint256 count, uint256 seed, bool delegated, bool authorized) external {
        Leaf[] memory leaves = new Leaf[](bound(count, 1, 6));
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = _leaf(uint256(keccak256(abi.encode(seed, i))));
        }
        Point memory top = Trees.root(leaves);
        bytes32 purse = _fund(who, top, delegated, authorized);
        for (uint256 i = 0; i < leaves.length; ++i) {
            (uint256 index, MerkleSum.Sibling[] memory branch) = Trees.branch(leaves, i);
            _hold(purse, leaves[i], index, branch);
        }
    }

    /// @dev The tree has one good share and a lie beside it; whoever holds the good share must not be hurt by the lie.
    function fundWithLie(uint256 who, uint256 kind, uint256 seed) external {
        Leaf memory good = _leaf(seed);
        Leaf memory bad = Leaf(address(0xBAD), thief, uint128(bound(seed >> 128, MOST, type(uint128).max / 2)));
        kind = kind % 5;
        if (kind == 0) _fundHiddenSubtree(who, good, bad, uint128(seed % MOST));
        else if (kind == 1) _fundDuplicate(who, good);
        else if (kind == 2) _fundTwoShares(who, good, uint128(seed % MOST) + 1);
        else if (kind == 3) _fundWrapAround(who, bad, uint128(seed % 1000) + 1);
        else _fundWrongTotal(who, good, seed % 2 == 0);
    }

    function vouch(uint256 which, uint256 cumulative) external {
        if (_held.length == 0) return;
        Held storage h = _held[which % _held.length];
        h.best = uint128(bound(cumulative, h.best, h.leaf.allocation));
    }

    function thaw(uint256 which) external {
        if (_purses.length == 0) return;
        bytes32 id = _purses[which % _purses.length];
        Settlement.Purse memory before = escrow.purse(id);
        vm.prank(before.payer);
        try escrow.thaw(id) returns (uint64 endsAt) {
            if (before.thawEndsAt != 0) broken.push("a thaw was moved");
            if (endsAt < block.timestamp + 1 days) broken.push("a thaw was too short");
        } catch {
            if (before.thawEndsAt == 0) broken.push("a payer could not thaw");
        }
    }

    function close(uint256 which) external {
        if (_purses.length == 0) return;
        bytes32 id = _purses[which % _purses.length];
        Settlement.Purse memory before = escrow.purse(id);
        bool due = !before.closed && before.thawEndsAt != 0 && block.timestamp > before.thawEndsAt;
        try escrow.close(id) {
            if (!due) broken.push("a purse was closed too early or twice");
        } catch {
            if (due) broken.push("a purse could not be closed");
        }
    }

    // Moves of providers and watchtowers

    function claimBatch(uint256 seed, uint256 count) external {
        if (_held.length == 0) return;
        Made[] memory claims = new Made[](bound(count, 1, 6));
        bool allOpen = true;
        for (uint256 i = 0; i < claims.length; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            Held memory h = _held[word % _held.length];
            // Now and then an older voucher than the best, as a slow watchtower would bring it.
            uint128 cumulative = word >> 250 == 0 ? h.best / 2 : h.best;
            claims[i] = _claimOf(h, cumulative);
            if (escrow.purse(h.purse).closed && cumulative > _claimed(h)) allOpen = false;
        }
        vm.prank(address(uint160(seed | 1)));
        try escrow.claim(Claims.batched(claims)) {
            if (!allOpen) broken.push("a closed purse paid");
        } catch {
            if (allOpen) broken.push("a claim submitted in time failed");
        }
    }

    /// @dev The last second of a thaw: the claim and the close arrive together.
    function raceAtTheEnd(uint256 which, bool closeFirst) external {
        if (_held.length == 0) return;
        Held memory h = _held[which % _held.length];
        Settlement.Purse memory before = escrow.purse(h.purse);
        if (before.closed || before.thawEndsAt < block.timestamp) return;
        vm.warp(before.thawEndsAt);
        if (closeFirst) {
            try escrow.close(h.purse) {
                broken.push("a close in the last second of the thaw");
            } catch {}
        }
        _collect(h);
    }

    function payout(uint256 which) external {
        address operator = operatorAt(which);
        uint256 due = escrow.owed(operator);
        uint256 before = token.balanceOf(operator);
        try escrow.payout(operator) {
            if (token.balanceOf(operator) < before + due) broken.push("a payout was short");
        } catch {
            if (due > 0) broken.push("a payout failed");
        }
    }

    // Moves of thieves, liars and the token itself

    function steal(uint256 which, uint256 how, uint256 seed) external {
        if (_held.length == 0) return;
        Held memory h = _held[which % _held.length];
        Made memory c = _claimOf(h, h.best);
        how = how % 7;
        if (how == 0) c.operator = thief;
        else if (how == 1) c.node = thief;
        else if (how == 2) c.cumulative = uint128(bound(seed, uint256(h.best) + 1, type(uint128).max));
        else if (how == 3) c.allocation = uint128(bound(seed, uint256(h.leaf.allocation) + 1, type(uint128).max));
        else if (how == 4) c.purse = _purses[seed % _purses.length];
        else if (how == 5) c.cumulative = h.best + 1;
        else c.signature = sign65(THIEF_KEY, Digests.voucher(address(escrow), h.purse, h.leaf, h.best));
        if (how == 5) c.signature = sign65(THIEF_KEY, Digests.voucher(address(escrow), h.purse, h.leaf, h.best + 1));
        if (how == 4 && c.purse == h.purse) return;
        if (how == 6 && c.cumulative <= _claimed(h)) return;
        if (c.cumulative == 0) return;
        _mustFail(c, "a forged claim was paid");
    }

    function lie(uint256 which) external {
        if (_lies.length == 0) return;
        _mustFail(abi.decode(_lies[which % _lies.length], (Made)), "a lying tree paid");
    }

    /// @dev The payer itself promises too much; the provider asks for it.
    function overdraw(uint256 which, uint256 cumulative) external {
        if (_held.length == 0) return;
        Held memory h = _held[which % _held.length];
        _mustFail(
            _claimOf(h, uint128(bound(cumulative, uint256(h.leaf.allocation) + 1, type(uint128).max))),
            "more than the allocation was paid"
        );
    }

    function callBackInTransfer(uint256 which, uint256 seed) external {
        if (_purses.length == 0) return;
        bytes32 id = _purses[which % _purses.length];
        bytes[] memory calls = new bytes[](5);
        calls[0] = abi.encodeCall(Escrow.payout, (operatorAt(seed)));
        calls[1] = abi.encodeCall(Escrow.close, (id));
        calls[2] = abi.encodeCall(Escrow.thaw, (id));
        calls[3] = abi.encodeCall(Escrow.fund, (bytes32(seed), uint128(seed % MOST) + 1, address(0), bytes32(seed)));
        calls[4] = abi.encodeCall(Settlement.claim, (new Settlement.Batch[](0)));
        if (_held.length > 0) {
            Held memory h = _held[seed % _held.length];
            Made[] memory claims = new Made[](1);
            claims[0] = _claimOf(h, h.best);
            calls[4] = abi.encodeCall(Settlement.claim, (Claims.batched(claims)));
        }
        token.mint(address(token), MOST);
        token.arm(address(escrow), calls);
    }

    function donate(uint256 amount) external {
        amount = bound(amount, 1, MOST);
        donated += amount;
        token.mint(address(escrow), amount);
    }

    function wait(uint256 durationSeconds) external {
        vm.warp(block.timestamp + bound(durationSeconds, 1, 1 days));
    }

    // The end of all things

    /// @notice Everybody collects what is due, then every payer takes the rest. Reverts if anybody cannot.
    function settleEverything() external {
        for (uint256 i = 0; i < _held.length; ++i) {
            if (!escrow.purse(_held[i].purse).closed) _collect(_held[i]);
        }
        for (uint256 i = 0; i < _purses.length; ++i) {
            Settlement.Purse memory p = escrow.purse(_purses[i]);
            if (p.closed) continue;
            if (p.thawEndsAt == 0) {
                vm.prank(p.payer);
                escrow.thaw(_purses[i]);
            }
        }
        vm.warp(block.timestamp + 1 days + 1);
        for (uint256 i = 0; i < _purses.length; ++i) {
            if (!escrow.purse(_purses[i]).closed) escrow.close(_purses[i]);
        }
        for (uint256 i = 0; i < 4; ++i) {
            if (escrow.owed(operatorAt(i)) > 0) escrow.payout(operatorAt(i));
        }
    }

    function _collect(Held memory h) private {
        Made[] memory claims = new Made[](1);
        claims[0] = _claimOf(h, h.best);
        escrow.claim(Claims.batched(claims));
        assertTrue(_claimed(h) >= h.best, "a provider got less than its best voucher says");
    }

    function _mustFail(Made memory c, string memory rule) private {
        Made[] memory claims = new Made[](1);
        claims[0] = c;
        try escrow.claim(Claims.batched(claims)) {
            broken.push(rule);
        } catch {}
    }

    function _fundHiddenSubtree(uint256 who, Leaf memory good, Leaf memory bad, uint128 said) private {
        Point memory filler = Point(keccak256(abi.encode(said)), said);
        Point memory lying = Trees.pretend(Trees.join(Trees.leaf(bad), filler), said);
        bytes32 purse = _fund(who, Trees.join(Trees.leaf(good), lying), false, false);
        _hold(purse, good, 0, Trees.one(lying));
        _remember(purse, bad, 2, Trees.two(filler, Trees.leaf(good)));
        _remember(purse, bad, 1, Trees.one(Trees.leaf(good)));
    }

    function _fundDuplicate(uint256 who, Leaf memory good) private {
        Point memory pair = Trees.join(Trees.leaf(good), Trees.leaf(good));
        bytes32 purse = _fund(who, Trees.join(pair, Trees.leaf(good)), true, false);
        _hold(purse, good, 1, Trees.two(Trees.leaf(good), Trees.leaf(good)));
    }

    function _fundTwoShares(uint256 who, Leaf memory good, uint128 other) private {
        if (other == good.allocation) return;
        Leaf memory second = Leaf(good.node, good.operator, other);
        bytes32 purse = _fund(who, Trees.join(Trees.leaf(good), Trees.leaf(second)), false, true);
        _hold(purse, good, 0, Trees.one(Trees.leaf(second)));
        _hold(purse, second, 1, Trees.one(Trees.leaf(good)));
    }

    function _fundWrapAround(uint256 who, Leaf memory bad, uint128 small) private {
        Point memory heavy = Point(keccak256("heavy"), type(uint128).max - bad.allocation + 1 + small);
        bytes32 purse = _fund(who, Trees.join(Trees.leaf(bad), heavy), false, false);
        _remember(purse, bad, 0, Trees.one(heavy));
    }

    function _fundWrongTotal(uint256 who, Leaf memory good, bool more) private {
        Point memory filler = Point(keccak256("filler"), 1_000);
        Point memory top = Trees.join(Trees.leaf(good), filler);
        bytes32 purse = _fund(who, Trees.pretend(top, more ? top.sum + 1 : top.sum - 1), false, false);
        _remember(purse, good, 0, Trees.one(filler));
    }

    function _leaf(uint256 word) private pure returns (Leaf memory) {
        return Leaf(address(uint160(0x4000 + (word % 5))), operatorAt(word >> 8), uint128(bound(word >> 16, 1, MOST)));
    }

    function _fund(uint256 who, Point memory top, bool delegated, bool authorized) private returns (bytes32 purse) {
        address payer = payerAt(who);
        uint256 payerKey = 0xA0 + (who % 3);
        uint256 signerKey = delegated ? 0xDE1 : payerKey;
        address signer = delegated ? vm.addr(signerKey) : address(0);
        bytes32 salt = bytes32(_purses.length);
        token.mint(payer, top.sum);
        if (authorized) {
            (, string memory name,,,,,) = token.eip712Domain();
            purse = escrow.purseIdOf(payer, signer, top.hash, top.sum, salt);
            bytes32 digest = Digests.receiveAuthorization(
                Digests.domain(name, address(token)), payer, address(escrow), top.sum, 0, type(uint256).max, purse
            );
            vm.prank(thief);
            escrow.fundWithAuthorization(
                payer, top.hash, top.sum, signer, salt, 0, type(uint256).max, sign65(payerKey, digest)
            );
        } else {
            vm.prank(payer);
            purse = escrow.fund(top.hash, top.sum, signer, salt);
        }
        _purses.push(purse);
        _signerKeys[purse] = signerKey;
    }

    function _hold(bytes32 purse, Leaf memory leaf, uint256 index, MerkleSum.Sibling[] memory branch) private {
        // One leaf is one channel; a second copy of it is not a second debt.
        for (uint256 i = 0; i < _held.length; ++i) {
            if (_held[i].purse != purse || _held[i].leaf.node != leaf.node) continue;
            if (_held[i].leaf.operator == leaf.operator && _held[i].leaf.allocation == leaf.allocation) return;
        }
        _held.push(Held(purse, _signerKeys[purse], leaf, index, abi.encode(branch), 0));
    }

    /// @dev The lying payer signs for its accomplice as well as it can.
    function _remember(bytes32 purse, Leaf memory leaf, uint256 index, MerkleSum.Sibling[] memory branch) private {
        Held memory pretended = Held(purse, _signerKeys[purse], leaf, index, abi.encode(branch), leaf.allocation);
        _lies.push(abi.encode(_claimOf(pretended, leaf.allocation)));
    }

    function _claimOf(Held memory h, uint128 cumulative) private view returns (Made memory) {
        return Made(
            h.purse,
            h.leaf.node,
            h.leaf.operator,
            h.leaf.allocation,
            cumulative,
            sign65(h.signerKey, Digests.voucher(address(escrow), h.purse, h.leaf, cumulative)),
            true,
            h.index,
            abi.decode(h.branch, (MerkleSum.Sibling[]))
        );
    }

    function _claimed(Held memory h) private view returns (uint128 claimed) {
        (claimed,,) = escrow.channel(escrow.channelIdOf(h.purse, h.leaf.node, h.leaf.operator, h.leaf.allocation));
    }
}
