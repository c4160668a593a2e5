// The decoder: one loop over a program's nodes. Inline nesting lives in a fixed array of frames
// (its depth is the type's), referents that are still to come in a stack of their own.
//
// Order of referents ([C706] 14.3.12.3): those of a construction follow it in the order of their
// pointers, and those within a referent come before the next sibling's. So each construction pushes
// its pointers; the new ones are turned over, and the top is always the next on the wire:
//
//     struct {a*, b*}, a -> struct {x*}:   push a b | turn: b a | pop a, push x: b x | pop x | pop
//     b
//
// A list of 10,000 nodes never holds more than one pending referent.
#include "ndr/decode.h"

#include "ndr/automation.h"
#include "ndr/machine.h"

namespace rpcmarshal::ndr {

template <bool kWide, bool kSwap>
DecodeResult Machine<kWide, kSwap>::run() {
  const std::uint32_t root = allocate(1);
  first_ = allocate(p_.count);
  put(root, 0, ValueKind::kRecord, 0, p_.count, first_);
  DecodeResult result;
  if (execute()) {
    result.trailing = size_ - at_;
  } else {
    result.status = DecodeResult::Status::kPartial;
    result.failed_at = at_;
    result.failed_entry = failed_;
    result.reason = reason_;
    give_up();
  }
  result.consumed = at_;
  result.mismatches = mismatches_;
  return result;
}

/// The parameter to decode next, or the number of parameters: in declaration order, but pipes stand
/// after a request's other parameters and before a response's.
template <bool kWide, bool kSwap>
std::uint32_t Machine<kWide, kSwap>::next_parameter() {
  while (pass_ < 2) {
    for (; parameter_ < p_.count; ++parameter_) {
      if (!p_.has_pipes) return parameter_++;
      const Node* n = &nodes_[p_.first + parameter_];
      if (n->op == Op::kReference) n = &nodes_[n->child];
      const bool pipes = (pass_ == 1) == (p_.half == Half::kRequest);
      if ((n->op == Op::kPipe) == pipes) return parameter_++;
    }
    pass_ = p_.has_pipes ? pass_ + 1 : 2;
    if (pass_ < 2) parameter_ = 0;
  }
  return p_.count;
}

/// What was being decoded, and what waited for it, is missing.
template <bool kWide, bool kSwap>
void Machine<kWide, kSwap>::give_up() {
  // Entries are not cleared when they are allocated, so each is written here.
  put(failed_, 0, ValueKind::kMissing, at_, 0, 0);
  for (std::uint32_t i = next_parameter(); i < p_.count; i = next_parameter()) {
    put(first_ + i, 0, ValueKind::kMissing, 0, 0, 0);
  }
  while (frames_ > 0) {
    const Frame& f = scratch_.frames[--frames_];
    // A list keeps the elements it has.
    Entry& owner = tape_.entries_[f.owner];
    if (f.step == 0 && nodes_[owner.node].op == Op::kArray) owner.count -= f.remaining;
    for (std::uint32_t i = 0; i < f.remaining; ++i) {
      put(f.slot + i, 0, ValueKind::kMissing, 0, 0, 0);
    }
  }
}

template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::execute() {
  std::uint32_t i = next_parameter();
  if (i == p_.count) return true;
  std::uint32_t node = p_.first + i, slot = first_ + i, extra = 0;
  std::size_t turned = 0;  // below this, deferred pointers are in the order they are popped
  for (;;) {
    const Node& n = nodes_[node];
    failed_ = slot;
    switch (n.op) {
      case Op::kFixed:
        if (!room(n.align, n.size)) return false;
        put(slot, node, n.kind, at_, n.count, kPacked, extra);
        at_ += n.size;
        break;
      case Op::kReference:
        node = n.child;
        continue;
      case Op::kPointer: {
        std::uint64_t id;
        if (!read_word(id)) return false;
        if (id == 0) {
          put(slot, node, ValueKind::kNull, at_ - kWord, 0, 0, extra);
          break;
        }
        if (n.full) {
          const std::uint32_t known = scratch_.full.find_or_add(id, slot);
          if (known != kNoNode) {
            put(slot, node, ValueKind::kAlias, at_ - kWord, 0, known, extra);
            break;
          }
        }
        if (frames_ == 0 && scratch_.deferred.empty()) {
          node = n.child;
          continue;
        }
        put(slot, node, ValueKind::kMissing, at_ - kWord, 0, 0, extra);
        scratch_.deferred.push_back({slot, n.child, extra});
        break;
      }
      case Op::kCounted: {
        if (!room(kWord, 2 * kWord)) return false;
        const auto length_at = static_cast<std::uint32_t>(at_);
        const bool null = word(at_ + kWord) == 0;
        at_ += 2 * kWord;
        put(slot, node, null ? ValueKind::kNull : ValueKind::kMissing, length_at, 0, length_at);
        tape_.entries_[slot].flags = kCountedFlag;
        if (!null) scratch_.deferred.push_back({slot, n.child, 0x80000000u | length_at});
        break;
      }
      case Op::kIgnored: {
        std::uint64_t id;
        if (!read_word(id)) return false;
        put(slot, node, ValueKind::kNull, at_ - kWord, 0, 0);
        break;
      }
      case Op::kRecord: {
        if (n.hoist > 0 && !n.hoisted && !read_hoisted(n.hoist)) return false;
        if (!room(n.align, 0)) return false;
        const std::uint32_t fields = allocate(n.child_count);
        if (fields == kNoNode) return false;
        put(slot, node, ValueKind::kRecord, at_, n.child_count, fields, extra);
        push(n.child, fields, n.child_count, slot, 1, n.tail_align);
        break;
      }
      case Op::kUnion: {
        std::uint32_t arm, offset;
        if (!pick(n, arm, offset)) return false;
        if (arm == kNoNode) {
          put(slot, node, ValueKind::kUnion, offset, kNoNode, kNoNode);
          break;
        }
        const std::uint32_t content = allocate(1);
        if (content == kNoNode) return false;
        put(slot, node, ValueKind::kUnion, offset, arm, content);
        tape_.entries_[content].kind = ValueKind::kMissing;
        node = arm;
        slot = content;
        extra = 0;
        continue;
      }
      case Op::kVariant: {
        // wireVARIANT ([MS-OAUT] 2.2.29.1): clSize, rpcReserved, vt, three reserved words, union.
        if (!room(n.align, 16)) return false;
        const std::size_t start = at_;
        const std::uint16_t vt = get<std::uint16_t>(at_ + 8);
        at_ += 16;
        std::uint32_t arm, offset;
        if (!pick(nodes_[n.child + kVariantUnionField], arm, offset)) return false;
        extra = vt;
        if (arm == kNoNode) {
          put(slot, node, ValueKind::kNull, start, 0, 0, extra);
          break;
        }
        node = arm;
        continue;
      }
      case Op::kArray:
        if (!list(n, node, slot, extra)) return false;
        break;
      case Op::kArrayMany:
        if (!list_of_many(n, node, slot)) return false;
        break;
      case Op::kSid:
        if (!sid(n, node, slot)) return false;
        break;
      case Op::kBlob:
        if (!blob(n, node, slot, extra)) return false;
        break;
      case Op::kPipe:
        if (!pipe(n, node, slot)) return false;
        break;
      case Op::kUnknown:
        return fail(n.why);
    }
    // On to the next field or element of what encloses this; then to the referents of the whole
    // construction; then to the next parameter.
    for (;;) {
      if (frames_ == 0) {
        auto& deferred = scratch_.deferred;
        if (deferred.empty()) {
          i = next_parameter();
          if (i == p_.count) return true;
          node = p_.first + i;
          slot = first_ + i;
          extra = 0;
          turned = 0;
          break;
        }
        if (deferred.size() - turned > 1) {
          std::reverse(deferred.begin() + static_cast<std::ptrdiff_t>(turned), deferred.end());
        }
        const auto next = deferred.back();
        deferred.pop_back();
        turned = deferred.size();
        node = next.node;
        slot = next.slot;
        extra = next.extra;
        break;
      }
      Frame& f = scratch_.frames[frames_ - 1];
      if (f.remaining > 0) {
        --f.remaining;
        node = f.node;
        slot = f.slot++;
        f.node += f.step;
        extra = 0;
        break;
      }
      if (f.tail_align > 1) {
        // The gap at the very end of a stub may not have been sent.
        at_ = std::min((at_ + f.tail_align - 1) & ~(std::size_t{f.tail_align} - 1), size_);
      }
      --frames_;
    }
  }
}

template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::list(const Node& n, std::uint32_t node, std::uint32_t slot,
                                 std::uint32_t extra) {
  std::uint64_t maximum = n.count, count = n.count;
  if (n.conformant) {
    if (n.hoisted) {
      maximum = take_hoisted();
      if (n.lead_align > 1 && !room(n.lead_align, 0)) return false;
    } else if (!read_word(maximum)) {
      return false;
    }
    count = maximum;
  }
  if (n.varying) {
    if (!room(kWord, 2 * kWord)) return false;
    const std::uint64_t offset = word(at_);
    count = word(at_ + kWord);
    at_ += 2 * kWord;
    if (offset > maximum || count > maximum - offset) {
      disagree(Mismatch::What::kVariance, slot, static_cast<std::int64_t>(maximum), count);
    }
  }
  if (n.checked) scratch_.checks.push_back({slot, node, maximum, count});
  if (n.child == kNoNode) {  // characters or bytes
    if (count > 0 && !room(n.stride, 0)) return false;
    if (count > (size_ - at_) >> (n.stride >> 1)) {  // stride and unit are 1 or 2
      return fail("the stub ends within a string or byte array");
    }
    const std::size_t start = at_;
    const std::size_t bytes = static_cast<std::size_t>(count) << (n.stride >> 1);
    at_ += bytes;
    count = bytes >> (n.unit >> 1);
    if (n.kind == ValueKind::kText) {
      if (n.unit == 2) {
        while (count > 0 && data_[start + 2 * count - 2] == std::byte{0} &&
               data_[start + 2 * count - 1] == std::byte{0}) {
          --count;
          if (n.string) break;
        }
      } else {
        while (count > 0 && data_[start + count - 1] == std::byte{0}) {
          --count;
          if (n.string) break;
        }
      }
    }
    if (extra & 0x80000000u) {  // a counted string
      const std::uint32_t length_at = extra & 0x7FFFFFFFu;
      const std::uint32_t declared = get<std::uint16_t>(length_at) / n.unit;
      const std::uint64_t sent = (at_ - start) / n.unit;
      if (n.varying ? declared != sent : declared > sent) {
        disagree(Mismatch::What::kCountedLength, slot, declared, sent);
      } else if (!n.varying) {
        count = std::min<std::uint64_t>(count, declared);
      }
      put(slot, node, n.kind, start, count, length_at);
      tape_.entries_[slot].flags = kCountedFlag;
    } else {
      put(slot, node, n.kind, start, count, kPacked, extra);
    }
    return true;
  }
  const Node& e = nodes_[n.child];
  if (e.size == 0 && count > kMaxEmptyElements) return fail("an array of very many empty elements");
  if (e.fixed) {
    if (count > 0) {
      if (!room(e.align, 0)) return false;
      const std::uint64_t left = size_ - at_;
      // count <= left makes the product safe.
      if (e.size > 0 && (count > left || (count - 1) * n.stride + e.size > left)) {
        return fail("the stub ends within an array");
      }
    }
    put(slot, node, ValueKind::kList, at_, count, kPacked, extra);
    if (count > 0) at_ += static_cast<std::size_t>((count - 1) * n.stride + e.size);
    return true;
  }
  if (e.size > 0 && count > (size_ - at_) / e.size) return fail("the stub ends within an array");
  const std::uint32_t elements = allocate(count);
  if (elements == kNoNode) return false;
  put(slot, node, ValueKind::kList, at_, count, elements, extra);
  if (count > 0) push(n.child, elements, count, slot, 0, 1);
  return true;
}

template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::pick(const Node& n, std::uint32_t& arm, std::uint32_t& offset) {
  if (!room(n.lead_align, n.size)) return false;
  offset = static_cast<std::uint32_t>(at_);
  const std::int64_t value = load_scalar(data_ + at_, n.scalar, kOrder);
  at_ += n.size;
  const Program::Label* labels = p_.labels.data() + n.labels;
  const Program::Label* end = labels + n.label_count;
  const Program::Label* found = std::lower_bound(
      labels, end, value, [](const Program::Label& l, std::int64_t v) { return l.value < v; });
  if (found != end && found->value == value) {
    arm = found->node;
  } else if (n.default_arm != kNoArm) {
    arm = n.default_arm;
  } else {
    at_ = offset;
    return fail("the union has no arm for this discriminant");
  }
  if (n.tail_align <= 1) return true;
  if (arm != kNoNode) return room(n.tail_align, 0);
  // An empty arm is aligned like the others (docs/idl.md); the stub may end right here.
  at_ = std::min((at_ + n.tail_align - 1) & ~(std::size_t{n.tail_align} - 1), size_);
  return true;
}

DecodeResult decode(const Program& program, const DecodeInput& input, Tape& tape) {
  tape.clear();
  tape.program_ = &program;
  tape.nodes_ = program.nodes.data();
  tape.order_ = input.order;
  tape.ebcdic_ = input.ebcdic;
  tape.foreign_reals_ = input.float_format != 0;
  if (!tape.scratch_) tape.scratch_ = std::make_unique<Tape::Scratch>();
  Tape::Scratch& scratch = *tape.scratch_;
  scratch.deferred.clear();
  scratch.checks.clear();
  scratch.full.clear();
  Bytes stub = input.stub;
  const bool too_long = stub.size() >= 0x80000000u;
  if (too_long) stub = {};
  tape.stub_ = stub;

  const bool wide = program.syntax == Syntax::kNdr64;
  const bool swap = (input.order == ByteOrder::kBig) != (std::endian::native == std::endian::big);
  DecodeResult result = wide   ? swap ? Machine<true, true>(program, stub, tape).run()
                                      : Machine<true, false>(program, stub, tape).run()
                          : swap ? Machine<false, true>(program, stub, tape).run()
                               : Machine<false, false>(program, stub, tape).run();
  if (too_long) {
    result.status = DecodeResult::Status::kPartial;
    result.reason = "the stub is longer than 2 GiB";
  }
  if (!scratch.checks.empty()) {
    CountChecker(program, tape, input.request).run(tape.mismatches_, result.mismatches);
  }
  return result;
}

}  // namespace rpcmarshal::ndr
