// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Escrow} from "../src/Escrow.sol";
import {MerkleSum} from "../src/MerkleSum.sol";
import {Settlement} from "../src/Settlement.sol";
import {Claims, Made} from "./support/Claims.sol";
import {newEscrow} from "./support/Deploy.sol";
import {Digests, EscrowTest} from "./support/EscrowTest.sol";
import {Leaf, Trees} from "./support/Trees.sol";

contract EscrowClaimTest is EscrowTest {
    uint256 private constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    bytes32 private purse;

    function setUp() public override {
        super.setUp();
        purse = fundPlan(SALT);
    }

    function test_claim_creditsTheOperatorWhoeverSubmits() public {
        uint128 debt = 40 * DOLLAR;
        bytes32 channel = escrow.channelIdOf(purse, plan[2].node, plan[2].operator, plan[2].allocation);
        vm.expectEmit(address(escrow));
        emit Settlement.Claimed(plan[2].node, plan[2].operator, settledWords(channel, debt, debt, 2 * DOLLAR));
        vm.prank(thief);
        submit(firstClaim(purse, 2, debt));
        assertEq(escrow.owed(plan[2].operator), 38 * DOLLAR, "operator");
        assertEq(escrow.feesHeld(), 2 * DOLLAR, "fee");
        assertEq(escrow.owed(thief), 0, "submitter");
        assertEq(escrow.purse(purse).claimed, debt, "purse");
        (uint128 claimed, bool opened, address signer) = escrow.channel(channel);
        assertEq(claimed, debt, "channel");
        assertTrue(opened, "opened");
        assertEq(signer, escrow.purse(purse).voucherSigner, "whose money it was");
    }

    function test_claim_laterOnesNeedNoBranchAndPayOnlyWhatIsNew() public {
        submit(firstClaim(purse, 2, 40 * DOLLAR));
        submit(bare(laterClaim(purse, plan[2], 100 * DOLLAR)));
        assertEq(escrow.owed(plan[2].operator), 95 * DOLLAR, "operator");
        assertEq(escrow.feesHeld(), 5 * DOLLAR, "fee");
        Made memory withNonsense = laterClaim(purse, plan[2], 120 * DOLLAR);
        withNonsense.index = type(uint256).max;
        withNonsense.branch = new MerkleSum.Sibling[](40);
        submit(withNonsense);
        assertEq(claimedOn(purse, plan[2]), 120 * DOLLAR, "a branch that is not needed is not looked at");
    }

    function test_claim_firstOneNeedsTheBranch() public {
        Made memory made = laterClaim(purse, plan[2], DOLLAR);
        bytes32 leafHash = Trees.leaf(plan[2]).hash;
        Settlement.Purse memory stored = escrow.purse(purse);
        vm.expectRevert(
            abi.encodeWithSelector(
                Settlement.ClaimBranchMismatch.selector, 0, leafHash, plan[2].allocation, stored.root, stored.total
            )
        );
        submit(made);
        vm.expectPartialRevert(Settlement.ClaimBranchMismatch.selector);
        submit(bare(made));
    }

    /// @dev A watchtower that was faster must not make a provider's batch fail, even with a signature of nonsense.
    function test_claim_staleOnesChangeNothing() public {
        submit(firstClaim(purse, 2, 40 * DOLLAR));
        Made[] memory batch = new Made[](4);
        batch[0] = laterClaim(purse, plan[2], 40 * DOLLAR);
        batch[1] = claimWith(purse, plan[2], 39 * DOLLAR, "");
        batch[2] = claimWith(keccak256("no such purse"), plan[0], 0, "");
        batch[3] = firstClaim(purse, 4, 10 * DOLLAR);
        escrow.claim(Claims.batched(batch));
        assertEq(claimedOn(purse, plan[2]), 40 * DOLLAR, "stale");
        assertEq(claimedOn(purse, plan[4]), 10 * DOLLAR, "the rest of the batch is paid");
    }

    function test_claim_aBatchIsAllOrNothingAndNamesTheFault() public {
        Made[] memory batch = new Made[](3);
        batch[0] = firstClaim(purse, 0, DOLLAR);
        batch[1] = firstClaim(purse, 1, DOLLAR);
        batch[2] = firstClaim(purse, 2, plan[2].allocation + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                Settlement.ClaimAboveAllocation.selector, 2, plan[2].allocation + 1, plan[2].allocation
            )
        );
        escrow.claim(Claims.batched(batch));
        assertEq(claimedOn(purse, plan[0]), 0, "nothing was paid");
    }

    function test_claim_oneChannelTwiceInABatch() public {
        Made[] memory batch = new Made[](3);
        batch[0] = firstClaim(purse, 0, 10 * DOLLAR);
        batch[1] = laterClaim(purse, plan[0], 30 * DOLLAR);
        batch[2] = laterClaim(purse, plan[0], 20 * DOLLAR);
        escrow.claim(Claims.batched(batch));
        assertEq(claimedOn(purse, plan[0]), 30 * DOLLAR, "claimed");
        assertEq(escrow.owed(plan[0].operator), netOf(30 * DOLLAR), "paid once");
    }

    function test_claim_emptyBatch() public {
        escrow.claim(new Settlement.Batch[](0));
        assertEq(escrow.feesHeld(), 0, "nothing");
    }

    /// @dev Who is alone in a tree has nothing to prove but the leaf.
    function test_claim_theOnlyLeafNeedsNoBranch() public {
        Leaf memory leaf = Leaf(address(0x11), address(0x22), 10 * DOLLAR);
        bytes32 id = fundAs(payer, Trees.leaf(leaf).hash, leaf.allocation, address(0), "alone");
        submit(bare(laterClaim(id, leaf, DOLLAR)));
        assertEq(claimedOn(id, leaf), DOLLAR, "claimed");
    }

    function test_claim_upToTheWholeAllocation() public {
        submit(firstClaim(purse, 3, plan[3].allocation));
        assertEq(escrow.owed(plan[3].operator), netOf(plan[3].allocation), "operator");
    }

    function test_claim_unknownPurse() public {
        bytes32 unknown = keccak256("no such purse");
        Made memory made = laterClaim(unknown, plan[0], 1);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimPurseUnknown.selector, 0, unknown));
        submit(made);
    }

    function test_claim_signatureOfSomebodyElse() public {
        Made memory made = firstClaim(purse, 0, DOLLAR);
        made.signature = sign65(THIEF_KEY, Digests.voucher(address(escrow), purse, plan[0], DOLLAR));
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimSignerMismatch.selector, 0, thief, payer));
        submit(made);
    }

    function test_claim_onlyTheDelegatedKeySigns() public {
        Leaf[] memory leaves = plan;
        address delegate = vm.addr(DELEGATE_KEY);
        bytes32 delegated = fundAs(payer, Trees.root(leaves).hash, Trees.root(leaves).sum, delegate, SALT);
        Made memory made = firstClaim(delegated, 0, DOLLAR);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimSignerMismatch.selector, 0, payer, delegate));
        submit(made);
        made.signature = sign65(DELEGATE_KEY, Digests.voucher(address(escrow), delegated, leaves[0], DOLLAR));
        submit(made);
        assertEq(claimedOn(delegated, leaves[0]), DOLLAR, "claimed");
    }

    function test_claim_shortSignature() public {
        Made memory made = firstClaim(purse, 0, DOLLAR);
        made.signature = sign64(PAYER_KEY, Digests.voucher(address(escrow), purse, plan[0], DOLLAR));
        submit(made);
        assertEq(claimedOn(purse, plan[0]), DOLLAR, "claimed");
    }

    function test_claim_malformedSignatures() public {
        Made memory made = firstClaim(purse, 0, DOLLAR);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PAYER_KEY, Digests.voucher(address(escrow), purse, plan[0], DOLLAR));
        bytes[6] memory malformed = [
            bytes(""),
            abi.encodePacked(bytes32(0), s, v),
            abi.encodePacked(r, bytes32(0), v),
            abi.encodePacked(bytes32(CURVE_ORDER), s, v),
            abi.encodePacked(r, bytes32((CURVE_ORDER - 1) / 2 + 1), v),
            abi.encodePacked(bytes32(type(uint256).max), s, v)
        ];
        for (uint256 i = 0; i < malformed.length; ++i) {
            made.signature = malformed[i];
            vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimSignatureInvalid.selector, 0));
            submit(made);
        }
    }

    function test_claim_voucherIsBoundToChainAndContract() public {
        Made memory made = firstClaim(purse, 0, DOLLAR);
        Escrow twin = newEscrow(address(dollar), 500);
        made.signature = sign65(PAYER_KEY, Digests.voucher(address(twin), purse, plan[0], DOLLAR));
        vm.expectPartialRevert(Settlement.ClaimSignerMismatch.selector);
        submit(made);
        vm.chainId(1337);
        bytes memory elsewhere = sign65(PAYER_KEY, Digests.voucher(address(escrow), purse, plan[0], DOLLAR));
        vm.chainId(31337);
        made.signature = elsewhere;
        vm.expectPartialRevert(Settlement.ClaimSignerMismatch.selector);
        submit(made);
    }

    function test_claim_voucherOfOnePurseIsNoneOfAnother() public {
        bytes32 second = fundPlan("second");
        submit(firstClaim(purse, 0, DOLLAR));
        Made memory replayed = firstClaim(purse, 0, DOLLAR);
        replayed.purse = second;
        vm.expectPartialRevert(Settlement.ClaimSignerMismatch.selector);
        submit(replayed);
    }

    function settledWords(bytes32 channel, uint256 cumulative, uint256 gross, uint256 fee)
        private
        pure
        returns (uint256[] memory words)
    {
        words = new uint256[](2);
        words[0] = uint256(channel);
        words[1] = (cumulative << 144) | (gross << 72) | fee;
    }

    /// @dev Changing any word of a valid claim must make it fail and move nothing.
    function testFuzz_claim_everyFieldIsBound(uint256 which, uint256 change) public {
        which = which % 6;
        vm.assume(change != 0);
        Made memory made = firstClaim(purse, 2, 40 * DOLLAR);
        if (which == 0) made.purse = bytes32(uint256(made.purse) ^ change);
        if (which == 1) made.node = address(uint160(made.node) ^ uint160(bound(change, 1, type(uint160).max)));
        if (which == 2) made.operator = address(uint160(made.operator) ^ uint160(bound(change, 1, type(uint160).max)));
        if (which == 3) made.allocation ^= uint128(bound(change, 1, type(uint128).max));
        if (which == 4) made.cumulative = uint128(bound(change, 40 * DOLLAR + 1, type(uint128).max));
        if (which == 5) made.signature[change % 64] ^= bytes1(uint8(bound(change, 1, 255)));
        vm.expectRevert();
        submit(made);
        assertEq(escrow.purse(purse).claimed, 0, "nothing moved");
    }

    /// @dev However a debt is cut into claims, operator and fee end the same, to the last unit.
    function testFuzz_claim_feeDoesNotDependOnTheSteps(uint16 feeBps, uint128 total, uint256 seed) public {
        feeBps = uint16(bound(feeBps, 0, 1_000));
        total = uint128(bound(total, 1, 1_000_000_000_000 * DOLLAR));
        escrow = newEscrow(address(dollar), feeBps);
        Leaf memory leaf = Leaf(address(0x11), address(0x22), total);
        dollar.mint(payer, total);
        vm.prank(payer);
        dollar.approve(address(escrow), total);
        bytes32 id = fundAs(payer, Trees.leaf(leaf).hash, total, address(0), SALT);
        uint128 debt = 0;
        for (uint256 step = 0; step < 8 && debt < total; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            debt = step == 7 ? total : uint128(bound(seed, debt + 1, step % 2 == 0 ? total : debt + 1));
            submit(laterClaim(id, leaf, debt));
        }
        uint256 fee = (uint256(debt) * feeBps) / 10_000;
        assertEq(escrow.feesHeld(), fee, "fee");
        assertEq(escrow.owed(leaf.operator), debt - fee, "operator");
        assertEq(escrow.purse(id).claimed, debt, "purse");
    }
}
