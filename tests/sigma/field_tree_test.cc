#include "sigma/field_tree.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rpcmarshal::sigma {
namespace {

TEST(FieldTree, LeadsToWhatIsNeededAndNowhereElse) {
  FieldIndex index;
  const FieldId command = index.intern("CommandLine"), deep = index.intern("request.a.b");
  index.intern("Image");
  const FieldId needed[] = {deep, command};
  const FieldTree tree(index, needed);

  const auto at = [&](std::initializer_list<std::string_view> path) {
    FieldTree::Node node = FieldTree::kRoot;
    for (const auto key : path) node = tree.child(node, key);
    return node;
  };
  for (const auto path : {std::initializer_list<std::string_view>{"request", "a", "b"},
                          {"request.a", "b"},
                          {"request", "a.b"},
                          {"request.a.b"}}) {
    ASSERT_NE(at(path), FieldTree::kNowhere);
    EXPECT_TRUE(std::ranges::equal(tree.fields(at(path)), std::span(&deep, 1)));
  }
  EXPECT_TRUE(std::ranges::equal(tree.fields(at({"Event", "EventData", "CommandLine"})),
                                 std::span(&command, 1)));
  EXPECT_TRUE(std::ranges::equal(tree.fields(at({"Event", "UserData", "anything", "CommandLine"})),
                                 std::span(&command, 1)));
  EXPECT_TRUE(tree.fields(at({"request"})).empty());
  for (const auto path : {std::initializer_list<std::string_view>{"Image"},
                          {"request", "b"},
                          {"request", ""},
                          {""},
                          {"Event", "EventData", "Image"}})
    EXPECT_EQ(at(path), FieldTree::kNowhere);
  EXPECT_EQ(at({"no", "such", "way"}), FieldTree::kNowhere);
}

// A name with a child of its own does not fall to the child for any name, even when what its own
// leads to is not needed: the tree must read a document as its index does.
TEST(FieldTree, KeepsNamesThatHideTheNamelessChild) {
  FieldIndex index;
  const FieldId any = index.intern("any"), own = index.intern("own");
  const std::string_view to_any[] = {"x", "*", "y"}, to_own[] = {"x", "named", "z"};
  index.add_path(to_any, any);
  index.add_path(to_own, own);
  const FieldTree tree(index, std::span(&any, 1));
  const auto x = tree.child(FieldTree::kRoot, "x");
  EXPECT_NE(tree.child(tree.child(x, "other"), "y"), FieldTree::kNowhere);
  EXPECT_EQ(index.child(index.child(index.child(FieldIndex::kRoot, "x"), "named"), "y"),
            FieldIndex::kNowhere);
  EXPECT_EQ(tree.child(x, "named"), FieldTree::kNowhere);
}

TEST(FieldTree, HasManyChildrenOfOneName) {
  FieldIndex index;
  std::vector<FieldId> fields;
  for (int i = 0; i < 1000; ++i) fields.push_back(index.intern("p.n" + std::to_string(i * 7)));
  std::vector<FieldId> even;
  for (std::size_t i = 0; i < fields.size(); i += 2) even.push_back(fields[i]);
  const FieldTree tree(index, even);
  const auto p = tree.child(FieldTree::kRoot, "p");
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto node = tree.child(p, "n" + std::to_string(i * 7));
    ASSERT_EQ(node != FieldTree::kNowhere, i % 2 == 0) << i;
    if (i % 2 == 0) {
      EXPECT_EQ(tree.fields(node)[0], fields[i]);
    }
  }
}

}  // namespace
}  // namespace rpcmarshal::sigma
