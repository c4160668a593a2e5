// Print drivers, as they are added and as a spooler lists them.
#include "blobs/printer.h"

#include "blobs/helpers.h"

namespace rpcmarshal::blobs {
namespace {

using test::shown;

/// One _DRIVER_INFO_n: numbers, then texts that are referred to by their offset.
class Driver {
 public:
  explicit Driver(std::size_t size) : bytes_(size, '\0') {}
  Driver& number(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<char>(value >> (8 * i));
    return *this;
  }
  Driver& text(std::size_t at, std::u16string_view text) {
    number(at, static_cast<std::uint32_t>(bytes_.size()));
    for (const char16_t c : text) {
      bytes_ += static_cast<char>(c);
      bytes_ += static_cast<char>(c >> 8);
    }
    bytes_ += std::string(2, '\0');
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

Driver evil() {
  Driver driver(40);
  driver.number(0, 3).text(4, u"Legit").text(8, u"Windows x64");
  driver.text(12, u"C:\\Windows\\System32\\mimilib.dll").text(16, u"\\\\10.0.0.66\\s\\a.dll");
  driver.text(20, u"C:\\k.dll").text(28, std::u16string_view(u"a.dll\0b.dll\0", 12));
  return driver;
}

TEST(PrintDrivers, Level3) {
  const auto drivers = parse_print_drivers(3, 1, as_bytes(evil().bytes()));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(shown(drivers[0]),
            "{name=Legit environment=Windows x64 driver=C:\\Windows\\System32\\mimilib.dll "
            "data_file=\\\\10.0.0.66\\s\\a.dll config_file=C:\\k.dll "
            "dependent_files=[a.dll, b.dll]}");
  EXPECT_EQ(summarise_print_driver(drivers[0]),
            "Legit, C:\\Windows\\System32\\mimilib.dll, C:\\k.dll, \\\\10.0.0.66\\s\\a.dll");
}

TEST(PrintDrivers, OffsetsCountFromEachStructure) {
  // Two of level 1 side by side: the second's offset is counted from its own start.
  std::string bytes = Driver(4).number(0, 8).bytes() + Driver(4).number(0, 12).bytes();
  for (const char c : std::string("one\0two\0", 8)) bytes += std::string{c, '\0'};
  const auto drivers = parse_print_drivers(1, 2, as_bytes(bytes));
  ASSERT_EQ(drivers.size(), 2u);
  EXPECT_EQ(shown(drivers[0]), "{name=one}");
  EXPECT_EQ(shown(drivers[1]), "{name=two}");
}

TEST(PrintDrivers, Level8) {
  Driver driver(120);
  driver.text(4, u"Legit").text(76, u"Somebody").text(80, u"winprint").text(92, u"C:\\x.inf");
  const auto drivers = parse_print_drivers(8, 1, as_bytes(driver.bytes()));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(shown(drivers[0]),
            "{name=Legit provider=Somebody print_processor=winprint inf=C:\\x.inf}");
}

TEST(PrintDrivers, HostileBuffers) {
  const std::string bytes = evil().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_LE(parse_print_drivers(3, 0xFFFFFFFF, as_bytes(bytes).first(size)).size(), size / 40);
  EXPECT_TRUE(parse_print_drivers(7, 1, as_bytes(bytes)).empty());
  EXPECT_TRUE(parse_print_drivers(3, 0, as_bytes(bytes)).empty());
  // Offsets into the fixed part, or outside, are none.
  Driver odd(24);
  odd.number(4, 4).number(8, 0xFFFFFFFF).number(12, 23);
  EXPECT_TRUE(parse_print_drivers(2, 1, as_bytes(odd.bytes())).empty());
}

}  // namespace
}  // namespace rpcmarshal::blobs
