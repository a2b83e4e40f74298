// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Possession} from "../src/Possession.sol";
import {PossessionProofs} from "../src/PossessionProofs.sol";
import {Stake} from "../src/Stake.sol";
import {Statements} from "../src/Statements.sol";
import {HostileToken} from "./support/HostileToken.sol";
import {PossessionBench} from "./support/PossessionBench.sol";
import {newStake} from "./support/Deploy.sol";

/// @notice The life of a challenge, and who tries to live off it.
contract PossessionTest is PossessionBench {
    function setUp() public {
        deployPossession();
    }

    function test_answer_bringsTheDepositToTheOperator() public {
        uint256 number = announce("mixed");
        assertEq(token.balanceOf(address(possession)), ASKING, "deposited");
        passSeedBlock(number, seedOf("mixed", 0));
        vm.expectEmit(address(possession));
        emit Possession.Drawn(number, node, seedOf("mixed", 0), block.timestamp + ANSWER_SECONDS);
        possession.draw(number);
        // At the last second, by somebody.
        vm.warp(block.timestamp + ANSWER_SECONDS);
        bytes memory proof = proofOf("mixed", 0);
        vm.prank(address(0x50DE));
        possession.answer(number, proof);
        assertEq(token.balanceOf(operatorOf(nodeKey)), ASKING, "operator");
        assertEq(token.balanceOf(CHALLENGER), 0, "asking cost the deposit");
        assertEq(stake.bonded(node), BONDED, "nothing taken");
        assertEq(possession.challenge(number).challenger, address(0), "over");
        vm.expectRevert(abi.encodeWithSelector(Possession.ChallengeUnknown.selector, number));
        possession.answer(number, proof);
    }

    function test_punish_silenceCostsATenth() public {
        uint256 number = drawn("mixed", 0);
        uint256 endsAt = possession.challenge(number).endsAt;
        vm.warp(endsAt);
        vm.expectRevert(abi.encodeWithSelector(Possession.TooEarly.selector, endsAt, endsAt));
        possession.punish(number);
        vm.warp(endsAt + 1);
        bytes memory proof = proofOf("mixed", 0);
        vm.expectRevert(abi.encodeWithSelector(Possession.TooLate.selector, endsAt, endsAt + 1));
        possession.answer(number, proof);
        vm.expectEmit(address(stake));
        emit Stake.Slashed(
            node, possession.missedSlot(endsAt), address(possession), CHALLENGER, BONDED / 10, BONDED / 100
        );
        assertEq(possession.punish(number), BONDED / 10, "taken");
        assertEq(stake.bonded(node), BONDED - BONDED / 10, "left");
        assertEq(token.balanceOf(CHALLENGER), ASKING + BONDED / 100, "deposit and the reporter's part");
        assertEq(token.balanceOf(address(possession)), 0, "nothing stays");
        assertTrue(!stake.expelled(node), "may go on");
        vm.expectRevert(abi.encodeWithSelector(Possession.ChallengeUnknown.selector, number));
        possession.punish(number);
        vm.expectRevert(abi.encodeWithSelector(Possession.ChallengeUnknown.selector, number));
        vm.prank(CHALLENGER);
        possession.reclaim(number);
    }

    /// @dev Anybody can answer wrongly in a node's name.
    function test_punish_wrongAnswersAreAsNone() public {
        uint256 number = drawn("mixed", 0);
        bytes memory wrong = proofOf("mixed", 1);
        vm.prank(CHALLENGER);
        vm.expectPartialRevert(PossessionProofs.LeafWrong.selector);
        possession.answer(number, wrong);
        vm.expectPartialRevert(Possession.TooEarly.selector);
        possession.punish(number);
        possession.answer(number, proofOf("mixed", 0));
    }

    /// @dev Of two challenges in one outage, on different agreements even, one takes stake; the other gives its deposit back.
    function test_punish_onceForAnOutage() public {
        uint256 first = drawn("mixed", 0);
        vm.warp(block.timestamp + 1 hours);
        uint256 second = drawn("other", 0);
        vm.warp(possession.challenge(second).endsAt + 1);
        bytes32 slot = possession.missedSlot(possession.challenge(second).endsAt);
        possession.punish(first);
        vm.expectRevert(abi.encodeWithSelector(Stake.AlreadyPunished.selector, node, slot));
        possession.punish(second);
        assertEq(stake.bonded(node), BONDED - BONDED / 10, "once");
        vm.prank(CHALLENGER);
        possession.reclaim(second);
        assertEq(token.balanceOf(CHALLENGER), 2 * ASKING + BONDED / 100, "both deposits");
        assertEq(token.balanceOf(address(possession)), 0, "nothing stays");
    }

    function test_punish_againInTheNextPeriod() public {
        uint256 number = drawn("mixed", 0);
        vm.warp(possession.challenge(number).endsAt + 1);
        possession.punish(number);
        vm.warp(vm.parseJsonUint(vectors, ".atSecond") + 7 days);
        number = drawn("other", 0);
        vm.warp(possession.challenge(number).endsAt + 1);
        possession.punish(number);
        assertEq(stake.bonded(node), (BONDED * 81) / 100, "a tenth of what was left");
    }

    /// @dev Whoever unbonds when the challenge comes has not got away when it ends.
    function test_punish_reachesWhatIsOnItsWayOut() public {
        uint256 number = announce("mixed");
        vm.prank(operatorOf(nodeKey));
        stake.unbond(node, BONDED);
        passSeedBlock(number, seedOf("mixed", 0));
        possession.draw(number);
        vm.warp(possession.challenge(number).endsAt + 1);
        assertEq(possession.punish(number), BONDED / 10, "taken");
    }

    /// @dev Governance has taken the contract's power: deposits do not get stuck in it.
    function test_reclaim_whenNothingCanBeTaken() public {
        uint256 number = drawn("mixed", 0);
        uint256 endsAt = possession.challenge(number).endsAt;
        vm.prank(governor);
        stake.removeAdjudicator(address(possession));
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(Possession.TooEarly.selector, endsAt, block.timestamp));
        possession.reclaim(number);
        vm.warp(endsAt + 1);
        vm.expectPartialRevert(Stake.NotAnAdjudicator.selector);
        possession.punish(number);
        vm.expectRevert(abi.encodeWithSelector(Possession.NotTheChallenger.selector, address(this), CHALLENGER));
        possession.reclaim(number);
        vm.prank(CHALLENGER);
        possession.reclaim(number);
        assertEq(token.balanceOf(CHALLENGER), ASKING, "back");
    }

    function test_draw_onlyOfTheAnnouncedBlock() public {
        uint256 number = announce("mixed");
        uint256 seedBlock = possession.challenge(number).seedBlock;
        assertEq(seedBlock, block.number + 8, "announced");
        vm.roll(seedBlock);
        vm.expectRevert(abi.encodeWithSelector(Possession.SeedNotThere.selector, seedBlock, seedBlock));
        possession.draw(number);
        bytes memory proof = proofOf("mixed", 0);
        vm.expectRevert(abi.encodeWithSelector(Possession.NotDrawn.selector, number));
        possession.answer(number, proof);
        vm.roll(seedBlock + 256);
        vm.setBlockhash(seedBlock, seedOf("mixed", 0));
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(Possession.NotDrawn.selector, number));
        possession.reclaim(number);
        assertEq(possession.draw(number), seedOf("mixed", 0), "its hash");
        vm.expectRevert(abi.encodeWithSelector(Possession.AlreadyDrawn.selector, number));
        possession.draw(number);
        possession.answer(number, proof);
    }

    /// @dev A seed that nobody drew in time is unknown for ever: the challenge comes to nothing.
    function test_draw_lapses() public {
        uint256 number = announce("mixed");
        uint256 seedBlock = possession.challenge(number).seedBlock;
        vm.roll(seedBlock + 257);
        vm.expectRevert(abi.encodeWithSelector(Possession.SeedGone.selector, seedBlock, seedBlock + 257));
        possession.draw(number);
        vm.warp(block.timestamp + 3 days);
        vm.expectRevert(abi.encodeWithSelector(Possession.NotDrawn.selector, number));
        possession.punish(number);
        vm.prank(CHALLENGER);
        possession.reclaim(number);
        assertEq(token.balanceOf(CHALLENGER), ASKING, "back");
        assertEq(stake.bonded(node), BONDED, "nothing taken");
    }

    /// @dev The pieces went with revision 2: the node shows it, and then what is left.
    function test_supersede_oldRevisionIsDefeated() public {
        uint256 number = drawn("mixed", 0);
        Possession.Signed memory later = signedOf("shrunk");
        bytes memory proof = proofOf("shrunk", 0);
        vm.expectRevert(
            abi.encodeWithSelector(Possession.NotTheNodesOperator.selector, address(this), operatorOf(nodeKey))
        );
        possession.supersede(number, later);
        uint256 endsAt = possession.challenge(number).endsAt;
        vm.prank(operatorOf(nodeKey));
        possession.supersede(number, later);
        assertEq(possession.challenge(number).endsAt, endsAt, "no second more");
        possession.answer(number, proof);
        assertEq(token.balanceOf(operatorOf(nodeKey)), ASKING, "who asks about the past pays");
    }

    function test_supersede_nothingLeftIsTheEnd() public {
        uint256 number = announce("mixed");
        Possession.Signed memory later = signedOf("nothing");
        vm.prank(operatorOf(nodeKey));
        possession.supersede(number, later);
        assertEq(token.balanceOf(operatorOf(nodeKey)), ASKING, "operator");
        vm.expectRevert(abi.encodeWithSelector(Possession.ChallengeUnknown.selector, number));
        possession.draw(number);
    }

    /// @dev A later revision does not free from its own pieces.
    function test_supersede_silenceIsStillPunished() public {
        uint256 number = drawn("mixed", 0);
        Possession.Signed memory later = signedOf("shrunk");
        vm.prank(operatorOf(nodeKey));
        possession.supersede(number, later);
        uint256 endsAt = possession.challenge(number).endsAt;
        vm.warp(endsAt + 1);
        later = signedOf("nothing");
        vm.prank(operatorOf(nodeKey));
        vm.expectRevert(abi.encodeWithSelector(Possession.TooLate.selector, endsAt, endsAt + 1));
        possession.supersede(number, later);
        assertEq(possession.punish(number), BONDED / 10, "taken");
    }

    function test_supersede_onlyByALaterRevisionOfTheSame() public {
        uint256 number = drawn("shrunk", 0);
        Possession.Signed memory other = signedOf("mixed");
        vm.startPrank(operatorOf(nodeKey));
        vm.expectRevert(abi.encodeWithSelector(Possession.NotLater.selector, 1, 2));
        possession.supersede(number, other);
        other = signedOf("shrunk");
        vm.expectRevert(abi.encodeWithSelector(Possession.NotLater.selector, 2, 2));
        possession.supersede(number, other);
        other = signedOf("other");
        vm.expectRevert(abi.encodeWithSelector(Possession.AnotherAgreement.selector, idOf("other"), idOf("shrunk")));
        possession.supersede(number, other);
        // What the node says alone is nothing.
        other = signedOf("nothing");
        (other.payerR, other.payerVs) = (other.nodeR, other.nodeVs);
        vm.expectPartialRevert(Possession.NotSignedByPayer.selector);
        possession.supersede(number, other);
    }

    function test_announce_needsBothSignatures() public {
        giveDeposit();
        vm.startPrank(CHALLENGER);
        Possession.Signed memory signed = signedOf("mixed");
        (signed.nodeR, signed.nodeVs) = (signed.payerR, signed.payerVs);
        vm.expectPartialRevert(Possession.NotSignedByNode.selector);
        possession.announce(signed);
        signed = signedOf("mixed");
        (signed.payerR, signed.payerVs) = (signed.nodeR, signed.nodeVs);
        vm.expectPartialRevert(Possession.NotSignedByPayer.selector);
        possession.announce(signed);
        // A signature under another revision.
        Possession.Signed memory other = signedOf("shrunk");
        signed = signedOf("mixed");
        (signed.nodeR, signed.nodeVs) = (other.nodeR, other.nodeVs);
        vm.expectPartialRevert(Possession.NotSignedByNode.selector);
        possession.announce(signed);
        signed.nodeR = 0;
        vm.expectRevert(Statements.StatementSignatureInvalid.selector);
        possession.announce(signed);
    }

    function test_announce_onlyWhatCanBeAnswered() public {
        giveDeposit();
        vm.startPrank(CHALLENGER);
        Possession.Signed memory signed = signedOf("nothing");
        vm.expectRevert(Possession.NothingKept.selector);
        possession.announce(signed);
        signed = signedOf("mixed");
        uint256 atSecond = vm.parseJsonUint(vectors, ".atSecond");
        vm.warp(atSecond + 7 days + 1);
        vm.expectRevert(abi.encodeWithSelector(Possession.RevisionTooOld.selector, atSecond, atSecond + 7 days + 1));
        possession.announce(signed);
        vm.warp(atSecond + 7 days);
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(Possession.AnotherChain.selector, 31337));
        possession.announce(signed);
        vm.chainId(31337);
        Possession elsewhere =
            new Possession(stake, address(escrow), IERC20(token), Possession.Terms(ANSWER_SECONDS, ASKING));
        vm.expectPartialRevert(Possession.AnotherEscrow.selector);
        elsewhere.announce(signed);
        possession.announce(signed);
    }

    function test_announce_needsStakeAndDeposit() public {
        Possession.Signed memory signed = signedOf("mixed");
        vm.prank(CHALLENGER);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        possession.announce(signed);
        stake = newStake(address(token));
        possession = newPossession(IERC20(token));
        giveDeposit();
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(Possession.NodeUnknown.selector, node));
        possession.announce(signed);
    }

    function test_terms_areBounded() public {
        vm.expectRevert(abi.encodeWithSelector(Possession.AnswerTimeInvalid.selector, 0, 3 days));
        new Possession(stake, address(escrow), IERC20(token), Possession.Terms(0, ASKING));
        vm.expectRevert(abi.encodeWithSelector(Possession.AnswerTimeInvalid.selector, 3 days + 1, 3 days));
        new Possession(stake, address(escrow), IERC20(token), Possession.Terms(3 days + 1, ASKING));
        vm.expectRevert(Possession.DepositZero.selector);
        new Possession(stake, address(escrow), IERC20(token), Possession.Terms(1, 0));
    }

    /// @dev Asking again and again costs a deposit each time, and no deposit comes back while an answer may come.
    function test_griefing_paysTheOperator() public {
        for (uint256 i = 1; i <= 5; ++i) {
            uint256 number = drawn("mixed", i);
            vm.prank(CHALLENGER);
            vm.expectPartialRevert(Possession.TooEarly.selector);
            possession.reclaim(number);
            possession.answer(number, proofOf("mixed", i));
            assertEq(token.balanceOf(operatorOf(nodeKey)), i * ASKING, "operator");
        }
        assertEq(token.balanceOf(CHALLENGER), 0, "challenger");
    }

    /// @dev Many at once, ending in every way: the contract always holds one deposit for each that is open.
    function test_deposits_areOneForEachOpenChallenge() public {
        uint256 answered = announce("mixed");
        uint256 lapsed = announce("other");
        uint256 missed = announce("shrunk");
        assertEq(token.balanceOf(address(possession)), 3 * ASKING, "three");
        passSeedBlock(answered, seedOf("mixed", 0));
        possession.draw(answered);
        possession.draw(missed);
        possession.answer(answered, proofOf("mixed", 0));
        assertEq(token.balanceOf(address(possession)), 2 * ASKING, "two");
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        possession.punish(missed);
        assertEq(token.balanceOf(address(possession)), ASKING, "one");
        vm.roll(block.number + 300);
        vm.prank(CHALLENGER);
        possession.reclaim(lapsed);
        assertEq(token.balanceOf(address(possession)), 0, "none");
    }

    /// @dev The token calls back whenever the contract sends it, and asks for everything else that pays out.
    function test_deposits_cannotBeTakenTwice() public {
        HostileToken hostile = hostileBench();
        uint256 first = hostileChallenge(hostile);
        uint256 second = hostileChallenge(hostile);
        passSeedBlock(first, seedOf("mixed", 0));
        possession.draw(first);
        possession.draw(second);
        bytes memory proof = proofOf("mixed", 0);
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(Possession.answer, (first, proof));
        calls[1] = abi.encodeCall(Possession.answer, (second, proof));
        calls[2] = abi.encodeCall(Possession.punish, (first));
        calls[3] = abi.encodeCall(Possession.reclaim, (first));
        hostile.arm(address(possession), calls);
        possession.answer(first, proof);
        assertEq(hostile.callsMade(), 4, "called back");
        assertEq(hostile.callsSucceeded(), 0, "refused");
        assertEq(hostile.balanceOf(address(possession)), ASKING, "the other one's deposit");
        vm.warp(stake.adjudicatorFrom(address(possession)));
        calls = new bytes[](2);
        calls[0] = abi.encodeCall(Possession.punish, (second));
        calls[1] = abi.encodeCall(Possession.reclaim, (second));
        hostile.arm(address(possession), calls);
        possession.punish(second);
        assertEq(hostile.callsSucceeded(), 0, "refused again");
        assertEq(hostile.balanceOf(address(possession)), 0, "all");
    }

    /// @dev A token that keeps a part of each transfer would leave the last deposit uncovered.
    function test_deposits_areWhole() public {
        HostileToken hostile = hostileBench();
        hostile.keep(100);
        Possession.Signed memory signed = signedOf("mixed");
        hostile.mint(CHALLENGER, ASKING);
        vm.startPrank(CHALLENGER);
        hostile.approve(address(possession), ASKING);
        vm.expectRevert(abi.encodeWithSelector(Possession.DepositMismatch.selector, ASKING, (ASKING * 99) / 100));
        possession.announce(signed);
    }

    function hostileBench() private returns (HostileToken hostile) {
        hostile = new HostileToken(18);
        stake = newStake(address(hostile));
        possession = newPossession(hostile);
        address operator = operatorOf(nodeKey);
        hostile.mint(operator, BONDED);
        bytes memory agreed = consent(nodeKey, operator);
        vm.startPrank(operator);
        hostile.approve(address(stake), BONDED);
        stake.bond(node, BONDED, agreed);
        vm.stopPrank();
    }

    function hostileChallenge(HostileToken hostile) private returns (uint256) {
        Possession.Signed memory signed = signedOf("mixed");
        hostile.mint(CHALLENGER, ASKING);
        vm.startPrank(CHALLENGER);
        hostile.approve(address(possession), ASKING);
        uint256 number = possession.announce(signed);
        vm.stopPrank();
        return number;
    }
}
