// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Escrow} from "../../src/Escrow.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {MerkleSum} from "../../src/MerkleSum.sol";
import {Claims, Made} from "./Claims.sol";
import {newEscrow} from "./Deploy.sol";
import {Test} from "./Vm.sol";
import {Leaf, Trees} from "./Trees.sol";

/// @notice The digests that payers sign, computed from the EIP-712 texts alone.
library Digests {
    bytes32 internal constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    function domain(string memory name, address verifier) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256(bytes(name)), keccak256("1"), block.chainid, verifier));
    }

    function typed(bytes32 domainSeparator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"1901", domainSeparator, structHash));
    }

    function voucher(address escrow, bytes32 purse, Leaf memory leaf, uint128 cumulative)
        internal
        view
        returns (bytes32)
    {
        bytes32 typeHash =
            keccak256("Voucher(bytes32 purse,address node,address operator,uint128 allocation,uint128 cumulative)");
        bytes32 structHash =
            keccak256(abi.encode(typeHash, purse, leaf.node, leaf.operator, leaf.allocation, cumulative));
        return typed(domain("Stead Escrow", escrow), structHash);
    }

    function receiveAuthorization(
        bytes32 tokenDomain,
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce
    ) internal pure returns (bytes32) {
        bytes32 typeHash = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        return typed(tokenDomain, keccak256(abi.encode(typeHash, from, to, value, validAfter, validBefore, nonce)));
    }
}

/// @notice A payer with money, an escrow with a 5 % fee and a thaw of a day, and a tree of five providers.
abstract contract EscrowTest is Test {
    uint256 internal constant PAYER_KEY = 0xA11CE;
    uint256 internal constant DELEGATE_KEY = 0xDE1E6A7E;
    uint256 internal constant THIEF_KEY = 0x7417EF;
    uint128 internal constant DOLLAR = 1_000_000;
    bytes32 internal constant SALT = bytes32(uint256(1));

    TestDollar internal dollar;
    Escrow internal escrow;
    address internal payer;
    address internal thief;
    Leaf[] internal plan;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        dollar = new TestDollar();
        escrow = newEscrow(address(dollar), 500);
        payer = vm.addr(PAYER_KEY);
        thief = vm.addr(THIEF_KEY);
        dollar.mint(payer, 1_000_000 * DOLLAR);
        vm.prank(payer);
        dollar.approve(address(escrow), type(uint256).max);
        for (uint160 i = 0; i < 5; ++i) {
            plan.push(Leaf(address(0x1000 + i), address(0x2000 + i), uint128(i + 1) * 100 * DOLLAR));
        }
    }

    function fundAs(address who, bytes32 root, uint128 total, address voucherSigner, bytes32 salt)
        internal
        returns (bytes32)
    {
        vm.prank(who);
        return escrow.fund(root, total, voucherSigner, salt);
    }

    function fundPlan(bytes32 salt) internal returns (bytes32) {
        Leaf[] memory leaves = plan;
        return fundAs(payer, Trees.root(leaves).hash, Trees.root(leaves).sum, address(0), salt);
    }

    function claimWith(bytes32 purse, Leaf memory leaf, uint128 cumulative, bytes memory signature)
        internal
        pure
        returns (Made memory)
    {
        return Made(
            purse, leaf.node, leaf.operator, leaf.allocation, cumulative, signature, true, 0, new MerkleSum.Sibling[](0)
        );
    }

    /// @dev A voucher that the payer signed, with the empty branch of a tree of one leaf.
    function laterClaim(bytes32 purse, Leaf memory leaf, uint128 cumulative) internal view returns (Made memory) {
        bytes32 digest = Digests.voucher(address(escrow), purse, leaf, cumulative);
        return claimWith(purse, leaf, cumulative, sign65(PAYER_KEY, digest));
    }

    /// @dev A voucher that the payer signed, with the branch of the plan's leaf at `position`.
    function firstClaim(bytes32 purse, uint256 position, uint128 cumulative) internal view returns (Made memory made) {
        Leaf[] memory leaves = plan;
        made = laterClaim(purse, leaves[position], cumulative);
        (made.index, made.branch) = Trees.branch(leaves, position);
    }

    /// @dev The same claim without any branch, as for a channel that is open already.
    function bare(Made memory made) internal pure returns (Made memory) {
        made.opens = false;
        return made;
    }

    function submit(Made memory made) internal {
        escrow.claim(Claims.batched(made));
    }

    function claimedOn(bytes32 purse, Leaf memory leaf) internal view returns (uint128 claimed) {
        (claimed,,) = escrow.channel(escrow.channelIdOf(purse, leaf.node, leaf.operator, leaf.allocation));
    }

    function netOf(uint128 cumulative) internal view returns (uint256) {
        return cumulative - (uint256(cumulative) * escrow.feeBps()) / 10_000;
    }
}
