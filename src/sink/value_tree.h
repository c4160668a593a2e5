// Arguments as a tree of named values: the decoder's tape walked once, each value in the form that
// event/present.h gives it. `Out` is as in event_tree.h.
#pragma once

#include <algorithm>

#include "event/event.h"
#include "event/present.h"
#include "ndr/value.h"
#include "sink/object_tree.h"
#include "sink/sink.h"

namespace rpcmarshal::tree {

template <typename Out>
class ValueTree {
 public:
  ValueTree(Out& out, Presenter& presenter, ndr::Walker& walker, const SinkOptions& options,
            const Event& event)
      : out_(out), presenter_(presenter), walker_(walker), options_(options), event_(event) {}

  /// The members of `root` as an object.
  void record(const ndr::Value& root, const ndr::Value& other_root) {
    member(root, root, other_root);
  }
  /// One of the members of `root`, whose name was given.
  void member(const ndr::Value& value_of_member, const ndr::Value& root,
              const ndr::Value& other_root) {
    walker_.start(value_of_member);
    while (walker_.next()) {
      const ndr::Value& value = walker_.value();
      const bool top = walker_.depth() == 0;
      // Records have far fewer members than any sensible limit: only lists are cut.
      if (walker_.event() != ndr::Walker::Event::kClose &&
          walker_.index() >= options_.max_elements) {
        if (walker_.event() == ndr::Walker::Event::kOpen) walker_.skip();
        continue;
      }
      switch (walker_.event()) {
        case ndr::Walker::Event::kOpen:
          if (!top && !name(value)) {
            walker_.skip();
            break;
          }
          if (presenter_.withheld(value)) {
            out_.plain_string("<redacted>");
            walker_.skip();
          } else if (value.display().semantic == "bindings") {
            bindings_object(out_, value);
            walker_.skip();
          } else if (value.kind() == ndr::ValueKind::kList) {
            out_.begin_array();
          } else {
            out_.begin_object();
            if (value.kind() == ndr::ValueKind::kUnion) out_.member_number("case", value.as_uint());
          }
          break;
        case ndr::Walker::Event::kClose:
          if (value.kind() == ndr::ValueKind::kList) {
            if (value.size() > options_.max_elements) {
              out_.begin_object();
              out_.member_number("omitted", value.size() - options_.max_elements);
              out_.end_object();
            }
            out_.end_array();
          } else {
            out_.end_object();
          }
          break;
        case ndr::Walker::Event::kLeaf:
          if (value.is_missing() && !value.name().empty()) break;  // not decoded: absent
          if (top || name(value)) leaf(value, root, other_root);
          break;
      }
    }
  }
  const SinkOptions& options() const { return options_; }

  /// One value by itself, without its name.
  void element(const ndr::Value& value) { record(value, ndr::Value()); }

 private:
  /// False: nobody wants the value. Elements of lists have no name.
  bool name(const ndr::Value& value) {
    return value.name().empty() || out_.key_escaped(value.name());
  }

  void leaf(const ndr::Value& value, const ndr::Value& root, const ndr::Value& other_root) {
    using Form = Presented::Form;
    const Presented shown = presenter_.present(value, root, other_root);
    switch (shown.form) {
      case Form::kNull:
      case Form::kMissing:
        out_.null();
        break;
      case Form::kBool:
        out_.boolean(shown.number != 0);
        break;
      case Form::kSigned:
        out_.number_signed(shown.number);
        break;
      case Form::kUnsigned:
        out_.number(static_cast<std::uint64_t>(shown.number));
        break;
      case Form::kReal:
        out_.real(shown.real);
        break;
      case Form::kUtf16:
        out_.string_utf16(shown.bytes, shown.order);
        break;
      case Form::kText:
        out_.string(shown.text);
        break;
      case Form::kSymbol:
      case Form::kNotation:
      case Form::kRedacted:
        out_.string(shown.text);
        break;
      case Form::kStatus:
        out_.begin_object();
        out_.member_number("value", static_cast<std::uint64_t>(shown.number));
        if (!shown.text.empty()) out_.member("name", shown.text);
        out_.end_object();
        break;
      case Form::kBytes:
      case Form::kInterface:
        out_.begin_object();
        if (shown.form == Form::kInterface) objref_members(out_, shown.bytes);
        out_.member_number("size", shown.bytes.size());
        if (out_.key("hex"))
          out_.hex_string(shown.bytes.first(std::min(shown.bytes.size(), options_.max_bytes)));
        out_.end_object();
        break;
      case Form::kList:
        out_.begin_array();
        for (const std::string& text : *shown.list) out_.string(text);
        out_.end_array();
        break;
      case Form::kHandle: {
        out_.begin_object();
        if (out_.key("handle")) out_.plain_string(shown.text);
        for (const HandleUse& use : event_.handles) {
          if (!use.label.empty() &&
              std::ranges::equal(as_text(shown.bytes),
                                 as_text(std::as_bytes(std::span(use.handle))))) {
            out_.member("name", use.label);
            break;
          }
        }
        out_.end_object();
        break;
      }
      case Form::kAlias:
        out_.plain_string("<same as above>");
        break;
    }
  }

  Out& out_;
  Presenter& presenter_;
  ndr::Walker& walker_;
  const SinkOptions& options_;
  const Event& event_;
};

}  // namespace rpcmarshal::tree
