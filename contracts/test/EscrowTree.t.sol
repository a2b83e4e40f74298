// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleSum} from "../src/MerkleSum.sol";
import {Settlement} from "../src/Settlement.sol";
import {Claims, Made} from "./support/Claims.sol";
import {Digests, EscrowTest} from "./support/EscrowTest.sol";
import {Leaf, Point, Trees} from "./support/Trees.sol";

/// @notice A payer may build any tree it likes. These tests play the liar.
contract EscrowTreeTest is EscrowTest {
    Leaf private honest = Leaf(address(0x11), address(0x21), 60 * DOLLAR);
    Leaf private accomplice = Leaf(address(0x12), address(0x22), 90_000 * DOLLAR);
    Point private filler = Point(keccak256("filler"), 10 * DOLLAR);

    /// @dev The parent says that the accomplice's subtree holds 40, though a leaf of 90,000 is below.
    function test_aSubtreeThatHoldsMoreThanItSaysIsWorthless() public {
        Point memory hidden = Trees.join(Trees.leaf(accomplice), filler);
        Point memory top = Trees.join(Trees.leaf(honest), Trees.pretend(hidden, 40 * DOLLAR));
        bytes32 purse = fundAs(payer, top.hash, top.sum, address(0), SALT);
        fundPlan("money of somebody else");

        Made memory stolen = laterClaim(purse, accomplice, accomplice.allocation);
        stolen.index = 2;
        stolen.branch = Trees.two(filler, Trees.leaf(honest));
        vm.expectPartialRevert(Settlement.ClaimBranchMismatch.selector);
        submit(stolen);

        Made memory due = laterClaim(purse, honest, honest.allocation);
        due.branch = Trees.one(Trees.pretend(hidden, 40 * DOLLAR));
        submit(due);
        assertEq(claimedOn(purse, honest), honest.allocation, "the honest provider loses nothing");
    }

    /// @dev 2^128 - 60 + 5 and 60 add to 5 when nobody looks at the carry.
    function test_sumsThatWrapAroundAreRefused() public {
        Point memory heavy = Point(keccak256("heavy"), type(uint128).max - 60 * DOLLAR + 1 + 5);
        Point memory top = Trees.join(Trees.leaf(honest), heavy);
        assertEq(top.sum, 5, "the liar's sum");
        bytes32 purse = fundAs(payer, top.hash, top.sum, address(0), SALT);
        fundPlan("money of somebody else");
        Made memory stolen = laterClaim(purse, honest, honest.allocation);
        stolen.branch = Trees.one(heavy);
        vm.expectRevert(
            abi.encodeWithSelector(
                Settlement.ClaimBranchMismatch.selector, 0, bytes32(0), uint256(type(uint128).max) + 6, top.hash, 5
            )
        );
        submit(stolen);
    }

    /// @dev Zero is what a failed sum yields as root; a purse funded with root zero must not accept it.
    function test_aRootOfZeroOpensNothing() public {
        bytes32 purse = fundAs(payer, 0, 5, address(0), SALT);
        Made memory stolen = laterClaim(purse, honest, 1);
        stolen.branch = Trees.one(Point(keccak256("heavy"), type(uint128).max - 60 * DOLLAR + 1 + 5));
        vm.expectPartialRevert(Settlement.ClaimBranchMismatch.selector);
        submit(stolen);
    }

    function test_aTotalThatIsNotTheRootsSumOpensNothing() public {
        Point memory top = Trees.join(Trees.leaf(honest), filler);
        Made memory due = laterClaim(0, honest, DOLLAR);
        due.branch = Trees.one(filler);
        for (uint128 total = top.sum - 1; total <= top.sum + 1; total += 2) {
            due.purse = fundAs(payer, top.hash, total, address(0), SALT);
            due.signature = laterClaim(due.purse, honest, DOLLAR).signature;
            vm.expectRevert(
                abi.encodeWithSelector(Settlement.ClaimBranchMismatch.selector, 0, top.hash, top.sum, top.hash, total)
            );
            submit(due);
        }
    }

    function test_oneLeafTwiceIsOneChannel() public {
        Point memory pair = Trees.join(Trees.leaf(honest), Trees.leaf(honest));
        bytes32 purse = fundAs(payer, pair.hash, pair.sum, address(0), SALT);
        Made memory left = laterClaim(purse, honest, honest.allocation);
        left.branch = Trees.one(Trees.leaf(honest));
        Made memory right = laterClaim(purse, honest, honest.allocation);
        right.branch = left.branch;
        right.index = 1;
        Made[] memory both = new Made[](2);
        (both[0], both[1]) = (left, right);
        escrow.claim(Claims.batched(both));
        assertEq(escrow.purse(purse).claimed, honest.allocation, "paid once");
    }

    /// @dev If a channel were only (purse, node), one of the two shares could be hidden behind the other.
    function test_twoSharesOfOneNodeAreTwoChannels() public {
        Leaf memory second = Leaf(honest.node, honest.operator, 7 * DOLLAR);
        Point memory pair = Trees.join(Trees.leaf(honest), Trees.leaf(second));
        bytes32 purse = fundAs(payer, pair.hash, pair.sum, address(0), SALT);
        Made memory small = laterClaim(purse, second, 7 * DOLLAR);
        small.index = 1;
        small.branch = Trees.one(Trees.leaf(honest));
        submit(small);
        Made memory big = laterClaim(purse, honest, honest.allocation);
        big.branch = Trees.one(Trees.leaf(second));
        submit(big);
        assertEq(escrow.purse(purse).claimed, pair.sum, "both are paid in full");
    }

    /// @dev Same node, other operator: the voucher says who is paid, and the leaf must say the same.
    function test_aVoucherForOneOperatorPaysNoOther() public {
        Leaf memory twin = Leaf(honest.node, thief, honest.allocation);
        Point memory pair = Trees.join(Trees.leaf(honest), Trees.leaf(twin));
        bytes32 purse = fundAs(payer, pair.hash, pair.sum, address(0), SALT);
        Made memory stolen =
            claimWith(purse, twin, DOLLAR, sign65(PAYER_KEY, Digests.voucher(address(escrow), purse, honest, DOLLAR)));
        stolen.index = 1;
        stolen.branch = Trees.one(Trees.leaf(honest));
        vm.expectPartialRevert(Settlement.ClaimSignerMismatch.selector);
        submit(stolen);
    }

    /// @dev If the two shared a channel, what the accomplice draws would make the provider's vouchers stale.
    function test_anAccomplicesShareUsesUpNobodyElses() public {
        Leaf memory twin = Leaf(honest.node, address(0xBAD), honest.allocation);
        Point memory pair = Trees.join(Trees.leaf(twin), Trees.leaf(honest));
        bytes32 purse = fundAs(payer, pair.hash, pair.sum, address(0), SALT);
        Made memory first = laterClaim(purse, twin, twin.allocation);
        first.branch = Trees.one(Trees.leaf(honest));
        submit(first);
        Made memory due = laterClaim(purse, honest, honest.allocation);
        due.index = 1;
        due.branch = Trees.one(Trees.leaf(twin));
        submit(due);
        assertEq(escrow.owed(honest.operator), netOf(honest.allocation), "the provider is paid in full");
    }

    function test_aBranchFromAnotherPurseIsRefused() public {
        bytes32 rich = fundPlan(SALT);
        Point memory top = Trees.join(Trees.leaf(honest), filler);
        bytes32 poor = fundAs(payer, top.hash, top.sum, address(0), SALT);
        Made memory stolen = firstClaim(rich, 4, DOLLAR);
        stolen.purse = poor;
        stolen.signature = laterClaim(poor, plan[4], DOLLAR).signature;
        vm.expectPartialRevert(Settlement.ClaimBranchMismatch.selector);
        submit(stolen);
    }

    /// @dev The other purse's root as a subtree is honest arithmetic, and its leaves are then shares of this purse too.
    function test_aPurseInsideAPurseKeepsBothWhole() public {
        Leaf[] memory leaves = plan;
        Point memory inner = Trees.root(leaves);
        bytes32 first = fundPlan(SALT);
        Point memory top = Trees.join(inner, Trees.leaf(honest));
        bytes32 second = fundAs(payer, top.hash, top.sum, address(0), SALT);
        submit(firstClaim(first, 0, leaves[0].allocation));
        Made memory again = firstClaim(second, 0, leaves[0].allocation);
        MerkleSum.Sibling[] memory longer = new MerkleSum.Sibling[](again.branch.length + 1);
        for (uint256 i = 0; i < again.branch.length; ++i) {
            longer[i] = again.branch[i];
        }
        longer[again.branch.length] = MerkleSum.Sibling(Trees.leaf(honest).hash, honest.allocation);
        again.branch = longer;
        submit(again);
        assertEq(escrow.purse(first).claimed, leaves[0].allocation, "first");
        assertEq(escrow.purse(second).claimed, leaves[0].allocation, "second");
    }

    function test_branchesReachDepth32AndNoFurther() public {
        (Point memory top, Made memory made) = lonelyLeafAtDepth(32);
        made.purse = fundAs(payer, top.hash, top.sum, address(0), SALT);
        made.signature = laterClaim(made.purse, honest, DOLLAR).signature;
        submit(made);
        assertEq(claimedOn(made.purse, honest), DOLLAR, "32 levels");

        (top, made) = lonelyLeafAtDepth(33);
        made.purse = fundAs(payer, top.hash, top.sum, address(0), SALT);
        made.signature = laterClaim(made.purse, honest, DOLLAR).signature;
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimBranchTooDeep.selector, 0, 33, 32));
        submit(made);
    }

    /// @dev In any honest tree everybody can take all of its share, in any order, and then the purse is empty.
    function testFuzz_everyShareOfAnHonestTreeIsCollectable(uint256 count, uint256 seed) public {
        Leaf[] memory leaves = new Leaf[](bound(count, 1, 40));
        for (uint256 i = 0; i < leaves.length; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            leaves[i] = Leaf(address(uint160(word)), address(uint160(0x900 + (word % 7))), uint128(word % 1e10));
        }
        Point memory top = Trees.root(leaves);
        vm.assume(top.sum > 0);
        bytes32 purse = fundAs(payer, top.hash, top.sum, address(0), SALT);
        for (uint256 i = 0; i < leaves.length; ++i) {
            uint256 position = (i + seed % leaves.length) % leaves.length;
            Made memory made = laterClaim(purse, leaves[position], leaves[position].allocation);
            (made.index, made.branch) = Trees.branch(leaves, position);
            submit(made);
        }
        assertEq(escrow.purse(purse).claimed, top.sum, "the purse is empty");
    }

    /// @dev A branch with one bit changed anywhere leads elsewhere.
    function testFuzz_aTouchedBranchIsRefused(uint256 position, uint256 level, uint256 change, uint256 which) public {
        bytes32 purse = fundPlan(SALT);
        position = position % plan.length;
        Made memory made = firstClaim(purse, position, DOLLAR);
        level = level % made.branch.length;
        which = which % 4;
        if (which == 0) {
            made.branch[level].hash = bytes32(uint256(made.branch[level].hash) ^ bound(change, 1, type(uint256).max));
        } else if (which == 1) {
            made.branch[level].sum ^= uint128(bound(change, 1, type(uint128).max));
        } else if (which == 2) {
            made.index ^= 1 << level;
        } else {
            made.branch = Trees.first(made.branch, level);
        }
        vm.expectPartialRevert(Settlement.ClaimBranchMismatch.selector);
        submit(made);
        assertEq(escrow.purse(purse).claimed, 0, "nothing moved");
    }

    /// @dev One liar, any sums: two sibling leaves that both belong to it can never draw more than the purse holds.
    function testFuzz_aLiarNeverDrawsMoreThanItLocked(uint128 a, uint128 b, uint128 saidA, uint128 saidB, uint128 total)
        public
    {
        fundPlan("money of somebody else");
        total = uint128(bound(total, 1, 1_000 * DOLLAR));
        Leaf[2] memory pair = [Leaf(address(1), address(0x51), a), Leaf(address(2), address(0x52), b)];
        Point memory top =
            Trees.join(Trees.pretend(Trees.leaf(pair[0]), saidA), Trees.pretend(Trees.leaf(pair[1]), saidB));
        bytes32 purse = fundAs(payer, top.hash, total, address(0), SALT);
        for (uint256 i = 0; i < 2; ++i) {
            Made memory made = laterClaim(purse, pair[i], pair[i].allocation);
            made.index = i;
            made.branch = Trees.one(Trees.leaf(pair[1 - i]));
            try escrow.claim(Claims.batched(made)) {} catch {}
            made.branch[0].sum = i == 0 ? saidB : saidA;
            try escrow.claim(Claims.batched(made)) {} catch {}
        }
        assertTrue(escrow.owed(address(0x51)) + escrow.owed(address(0x52)) <= total, "no more than was locked");
        bool truthful = saidA == a && saidB == b && uint256(a) + b == total;
        assertEq(escrow.purse(purse).claimed, truthful ? total : escrow.purse(purse).claimed, "truth is paid");
    }

    function lonelyLeafAtDepth(uint256 depth) private view returns (Point memory top, Made memory made) {
        made = laterClaim(0, honest, DOLLAR);
        made.branch = new MerkleSum.Sibling[](depth);
        made.index = 0x5555555555 & ((1 << depth) - 1);
        top = Trees.leaf(honest);
        for (uint256 level = 0; level < depth; ++level) {
            Point memory sibling = Point(keccak256(abi.encode(level)), uint128(level));
            made.branch[level] = MerkleSum.Sibling(sibling.hash, sibling.sum);
            top = (made.index >> level) & 1 == 1 ? Trees.join(sibling, top) : Trees.join(top, sibling);
        }
    }
}
