// Finds the arguments of a call that hold a structure of their own, by the `semantic` annotation of
// the definition, and reads them.
//
//   reader.start();
//   while walking a half: reader.argument(name) at each parameter; reader.note(value, root, other)
//                         at each value with a semantic
//   reader.finish(out);
#pragma once

#include <string>
#include <vector>

#include "blobs/directory.h"
#include "blobs/item.h"
#include "interface/model.h"
#include "ndr/value.h"

namespace rpcmarshal::blobs {

class Reader {
 public:
  /// Structures read from one call; more are not looked at.
  static constexpr std::size_t kMaxDetails = 64;

  /// `catalogue` names the interfaces of towers; it outlives the reader.
  explicit Reader(const Catalogue& catalogue) : catalogue_(catalogue) {}

  void start();
  /// The parameter whose values are noted next. The name is kept until finish().
  void argument(std::string_view name) { argument_ = name; }
  /// A leaf or an opened record with a semantic. `root` and `other` are the parameters of this half
  /// and of the call's other half (or missing): some formats depend on a level that stands there.
  void note(const ndr::Value& value, const ndr::Value& root, const ndr::Value& other);
  /// What was found is appended to `out`.
  void finish(std::vector<Detail>& out);

 private:
  void add(std::string_view kind, Item item, std::string summary);
  void note_xml(const ndr::Value& value);
  void note_service(const ndr::Value& value, const ndr::Value& root, const ndr::Value& other);
  void add_print_driver(Item driver);
  void note_print_drivers(const ndr::Value& value, const ndr::Value& root, const ndr::Value& other);
  void note_directory_name(const ndr::Value& value);
  void note_attributes();

  const Catalogue& catalogue_;
  std::string_view argument_;  ///< names live as long as the programs
  std::vector<Detail> found_;
  PrefixTable prefixes_;
  std::vector<std::uint32_t> requested_, present_;
  std::string_view attributes_argument_;
};

}  // namespace rpcmarshal::blobs
