// How fast WMI objects are decoded: a class of a megabyte (properties with qualifiers, methods with
// signatures), a process as an enumeration gives it, and a megabyte made to cost as much as it can.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "dcom/wmio_encoder.h"

namespace rpcmarshal::dcom::test {
namespace {

std::string parameters(int count) {
  std::vector<PropertySpec> properties;
  for (int i = 0; i < count; ++i)
    properties.push_back({"Parameter" + std::to_string(i), 8, Slot::none(4)});
  return class_block(class_part("__PARAMETERS", {}, properties, {"abstract"}));
}

std::string large_class() {
  std::vector<PropertySpec> properties;
  for (int i = 0; i < 12000; ++i)
    properties.push_back(
        {"Property" + std::to_string(i), i % 2 ? 8u : 19u,
         i % 2 ? Slot::text(std::string_view("a default value")) : Slot::number(i, 4)});
  std::vector<MethodSpec> methods;
  for (int i = 0; i < 300; ++i)
    methods.push_back({"Method" + std::to_string(i), parameters(4), parameters(3)});
  return unit(
      class_block(class_part("Lab_Large", {"Lab_Base"}, properties, {"dynamic"}), methods, true));
}

std::string process() {
  std::vector<PropertySpec> properties;
  std::vector<Slot> values;
  for (int i = 0; i < 45; ++i) {  // Win32_Process has as many.
    properties.push_back({"Property" + std::to_string(i), i % 3 ? 19u : 8u, Slot::none(4)});
    values.push_back(i % 3 ? Slot::number(i, 4)
                           : Slot::text(std::string_view("C:\\Windows\\System32\\svchost.exe")));
  }
  return unit(instance_block(class_part("Win32_Process", {"CIM_Process"}, properties, {"dynamic"}),
                             "Win32_Process", values, true));
}

/// Every property refers to one and the same description and long name.
std::string hostile() {
  const std::string name = encoded(std::string(60000, 'n'));
  HeapWriter heap;
  const std::uint32_t name_at = heap.add(name);
  ByteWriter info;
  info.u32(8).u16(0).u32(0).u32(0).u32(4);
  const std::uint32_t info_at = heap.add(info.text());
  constexpr std::uint32_t kCount = 115000;
  ByteWriter lookups;
  for (std::uint32_t i = 0; i < kCount; ++i) lookups.u32(name_at).u32(info_at);
  const std::string tables((kCount + 3) / 4 + 4, '\0');
  ByteWriter body;
  body.u8(0).u32(name_at).u32(tables.size()).u32(4).u32(4).u32(kCount).raw(lookups.text());
  body.raw(tables).raw(heap.finished());
  ByteWriter part;
  part.counted(body.text());
  return unit(class_block(part.text()));
}

void decode(benchmark::State& state, const std::string& bytes, bool sound) {
  Wmio object;
  if (object.decode(Wmio::Form::kUnit, as_bytes(bytes)) != sound) {
    std::fprintf(stderr, "decoded otherwise than expected: %s\n",
                 std::string(object.reason).c_str());
    std::exit(1);
  }
  for (auto _ : state) benchmark::DoNotOptimize(object.decode(Wmio::Form::kUnit, as_bytes(bytes)));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
  state.counters["size"] = static_cast<double>(bytes.size());
}

void large_class_decodes(benchmark::State& state) { decode(state, large_class(), true); }
void process_decodes(benchmark::State& state) { decode(state, process(), true); }
void hostile_class_is_refused(benchmark::State& state) { decode(state, hostile(), false); }
BENCHMARK(large_class_decodes)->Unit(benchmark::kMicrosecond);
BENCHMARK(process_decodes)->Unit(benchmark::kMicrosecond);
BENCHMARK(hostile_class_is_refused)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace rpcmarshal::dcom::test
