#include "interface/model.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal {

const Annotation* Annotations::find(std::string_view name) const {
  const auto it = std::ranges::find(items, name, &Annotation::name);
  return it == items.end() ? nullptr : &*it;
}

std::string_view Annotations::value(std::string_view name) const {
  const Annotation* annotation = find(name);
  return annotation && !annotation->arguments.empty()
             ? std::string_view(annotation->arguments.front())
             : std::string_view();
}

std::optional<std::int64_t> Expression::constant() const {
  return evaluate([](std::string_view) { return std::optional<std::int64_t>(); });
}

Type* Module::make_type(std::string name, Shape shape) {
  return &types.emplace_back(Type{std::move(name), std::move(shape), {}});
}

}  // namespace rpcmarshal
