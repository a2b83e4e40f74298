// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Claims, Made} from "./support/Claims.sol";
import {Digests, EscrowTest} from "./support/EscrowTest.sol";
import {Leaf, Point, Trees} from "./support/Trees.sol";

/// @notice What each transaction costs, base fee and calldata included. Run in isolation by scripts/test.ts, which
/// compares the figures with gas-snapshot.json.
contract GasTest is EscrowTest {
    bytes32 private purse;

    function setUp() public override {
        super.setUp();
        // Slots that nobody has ever touched cost more than they do in a contract that has been in use.
        bytes32 used = fundPlan("used before");
        submit(firstClaim(used, 4, 10 * DOLLAR));
        purse = fundPlan(SALT);
    }

    function test_gas_fund() public {
        (bytes32 root, uint128 total) = (keccak256("root"), 10 * DOLLAR);
        fundAs(payer, root, total, address(0), SALT);
        vm.snapshotGasLastCall("gas", "escrow fund");

        bytes32 id = escrow.purseIdOf(payer, payer, root, total, "authorized");
        bytes32 digest = Digests.receiveAuthorization(
            dollar.DOMAIN_SEPARATOR(), payer, address(escrow), total, 0, type(uint256).max, id
        );
        bytes memory signature = sign65(PAYER_KEY, digest);
        escrow.fundWithAuthorization(payer, root, total, address(0), "authorized", 0, type(uint256).max, signature);
        vm.snapshotGasLastCall("gas", "escrow fundWithAuthorization");
    }

    function test_gas_claim() public {
        submit(firstClaim(purse, 0, DOLLAR));
        vm.snapshotGasLastCall("gas", "escrow claim first (5 providers)");
        submit(bare(laterClaim(purse, plan[0], 2 * DOLLAR)));
        vm.snapshotGasLastCall("gas", "escrow claim later");
        submit(bare(laterClaim(purse, plan[0], 2 * DOLLAR)));
        vm.snapshotGasLastCall("gas", "escrow claim stale");
        escrow.payout(plan[0].operator);
        vm.snapshotGasLastCall("gas", "escrow payout");
    }

    /// @dev A watchtower settles all providers of one purse for the first time.
    function test_gas_claim100First() public {
        Leaf[] memory leaves = new Leaf[](100);
        for (uint160 i = 0; i < 100; ++i) {
            leaves[i] = Leaf(address(0x6000 + i), address(0x7000 + i), 100 * DOLLAR);
        }
        Point memory top = Trees.root(leaves);
        bytes32 big = fundAs(payer, top.hash, top.sum, address(0), SALT);
        Made[] memory claims = new Made[](100);
        for (uint256 i = 0; i < 100; ++i) {
            claims[i] = laterClaim(big, leaves[i], DOLLAR);
            (claims[i].index, claims[i].branch) = Trees.branch(leaves, i);
        }
        escrow.claim(Claims.batched(claims));
        vm.snapshotGasLastCall("gas", "escrow claim 100 first (100 providers, 1 purse)");
    }

    /// @dev A provider settles with a hundred payers' purses, again. What each payer more costs is what the network pays
    /// for most.
    function test_gas_claim100Later() public {
        Made[] memory claims = new Made[](110);
        Leaf memory leaf = Leaf(address(0x6000), address(0x7000), 100 * DOLLAR);
        for (uint256 i = 0; i < 110; ++i) {
            bytes32 each = fundAs(payer, Trees.leaf(leaf).hash, leaf.allocation, address(0), bytes32(i));
            submit(bare(laterClaim(each, leaf, DOLLAR)));
            claims[i] = bare(laterClaim(each, leaf, 2 * DOLLAR));
        }
        (Made[] memory ten, Made[] memory hundred) = (new Made[](10), new Made[](100));
        for (uint256 i = 0; i < 110; ++i) {
            if (i < 10) ten[i] = claims[i];
            else hundred[i - 10] = claims[i];
        }
        escrow.claim(Claims.batched(ten));
        uint256 gasOfTen = vm.snapshotGasLastCall("gas", "escrow claim 10 later (1 provider, 10 purses)");
        escrow.claim(Claims.batched(hundred));
        uint256 gasOfHundred = vm.snapshotGasLastCall("gas", "escrow claim 100 later (1 provider, 100 purses)");
        assertTrue((gasOfHundred - gasOfTen) / 90 <= 18_000, "at most 18,000 gas for each payer more");
    }

    function test_gas_thawAndClose() public {
        vm.prank(payer);
        uint64 endsAt = escrow.thaw(purse);
        vm.snapshotGasLastCall("gas", "escrow thaw");
        vm.warp(endsAt + 1);
        escrow.close(purse);
        vm.snapshotGasLastCall("gas", "escrow close");
    }
}
