#include "smb/compression.h"

#include <gtest/gtest.h>

#include "smb/messages.h"

namespace rpcmarshal {
namespace {

using namespace test;

std::string unpacked(bool (*unpack)(Bytes, std::size_t, std::vector<std::byte>&),
                     std::string_view packed, std::size_t limit) {
  std::vector<std::byte> out;
  std::string own(packed);
  if (!unpack(as_bytes(own), limit, out)) return "(malformed)";
  EXPECT_LE(out.size(), limit);
  return std::string(as_text(out));
}

// Symbols of nine bits each, which is a complete code of 512: the code of a symbol is the symbol.
class HuffmanWriter {
 public:
  void symbol(unsigned s) { bits(s, 9); }
  void bits(unsigned value, int count) {
    while (count-- > 0) {
      word_ = word_ << 1 | (value >> count & 1);
      if (++used_ == 16) flush();
    }
  }
  std::string done() {
    while (used_ != 0) bits(0, 1);
    return std::string(256, '\x99') + out_ + std::string(2, '\0');
  }

 private:
  void flush() {
    out_ += le16(word_);
    word_ = 0;
    used_ = 0;
  }
  std::string out_;
  unsigned word_ = 0;
  int used_ = 0;
};

TEST(Compression, Lz77) {
  std::string alphabet = "abcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(unpacked(unpack_lz77, le32(0x3f) + alphabet, 26), alphabet);
  // Three literals, then one match of 297 three bytes back: 7 + 15 + 255 say that a word follows.
  std::string abc;
  for (int i = 0; i < 100; ++i) abc += "abc";
  std::string packed = le32(0x1fffffff) + "abc" + le16(2 << 3 | 7) + "\x0f\xff" + le16(294);
  EXPECT_EQ(unpacked(unpack_lz77, packed, 300), abc);
  EXPECT_EQ(unpacked(unpack_lz77, packed, 299), "(malformed)");
  EXPECT_EQ(unpacked(unpack_lz77, le32(0x80000000) + le16(0), 300), "(malformed)");  // before start
  for (std::size_t cut = 0; cut < packed.size(); ++cut)
    EXPECT_NE(unpacked(unpack_lz77, packed.substr(0, cut), 300), abc);
}

TEST(Compression, Lz77TwoMatchesShareALengthByte) {
  // Lengths 10 + 2 and 10 + 5: the halves of one byte.
  std::string packed = le32(0x60000000) + "x" + le16(7) + '\x52' + le16(7) + "";
  EXPECT_EQ(unpacked(unpack_lz77, packed, 1 + 12 + 15), std::string(28, 'x'));
}

TEST(Compression, Lznt1) {
  // One chunk: three literals and a match of nine, three back; at three bytes in, 12 length bits.
  std::string chunk = '\x08' + std::string("abc") + le16(2 << 12 | 6);
  std::string packed = le16(0xb000 | (chunk.size() - 1)) + chunk;
  EXPECT_EQ(unpacked(unpack_lznt1, packed, 12), "abcabcabcabc");
  EXPECT_EQ(unpacked(unpack_lznt1, packed, 11), "(malformed)");
  std::string plain = le16(0x3000 | 4) + "plain";
  EXPECT_EQ(unpacked(unpack_lznt1, plain + packed, 17), "plainabcabcabcabc");
  EXPECT_EQ(unpacked(unpack_lznt1, plain.substr(0, 5), 17), "(malformed)");
}

TEST(Compression, Lz77Huffman) {
  HuffmanWriter w;
  for (char c : std::string("abcd")) w.symbol(static_cast<unsigned char>(c));
  w.symbol(256 + (1 << 4) + 7);  // length 10, offset of one more bit: 2 + 1
  w.bits(1, 1);
  w.symbol('!');
  EXPECT_EQ(unpacked(unpack_lz77_huffman, w.done(), 15), "abcdbcdbcdbcdb!");
  EXPECT_EQ(unpacked(unpack_lz77_huffman, std::string(300, '\x11'), 15), "(malformed)");
  EXPECT_EQ(unpacked(unpack_lz77_huffman, "short", 15), "(malformed)");
}

std::string message(std::string_view bytes, std::size_t limit = 4096) {
  std::string own(bytes);
  auto out = unpack_message(as_bytes(own), limit);
  return out ? std::string(as_text(*out)) : "(malformed)";
}

TEST(Compression, Messages) {
  std::string packed = le32(0x3f) + "abcdefghijklmnopqrstuvwxyz";
  std::string plain = "\xfcSMB" + le32(26) + le16(2) + le16(0) + le32(5) + "12345" + packed;
  EXPECT_EQ(message(plain), "12345abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(message(plain, 30), "(malformed)");
  std::string chained = "\xfcSMB" + le32(4 + 6 + 26) + le16(0) + le16(1) + le32(4) + "head" +
                        le16(4) + le16(0) + le32(8) + "z" + std::string(3, '\0') + le32(6) +
                        le16(2) + le16(0) + le32(4 + packed.size()) + le32(26) + packed;
  EXPECT_EQ(message(chained), "headzzzzzzabcdefghijklmnopqrstuvwxyz");
  std::string bomb = "\xfcSMB" + le32(0x7fffffff) + le16(4) + le16(1) + le32(8) + "z" +
                     std::string(3, '\0') + le32(0x7fffffff);
  EXPECT_EQ(message(bomb), "(malformed)");
  for (std::size_t cut = 0; cut < chained.size(); ++cut)
    EXPECT_EQ(message(chained.substr(0, cut)), "(malformed)") << cut;
}

}  // namespace
}  // namespace rpcmarshal
