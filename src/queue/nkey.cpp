#include "nkey.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string_view>
#include <vector>

#include "bw/base/error.hpp"

// The encoding is that of https://github.com/nats-io/nkeys: base32 without padding of
//   seed:   2 prefix bytes (5 bits "seed", 5 bits kind of key, 6 unused), 32 bytes Ed25519 seed, CRC-16
//   public: 1 prefix byte (kind of key), 32 bytes Ed25519 public key, CRC-16
// where CRC-16 is XMODEM's (polynomial 0x1021, start 0), little-endian.
namespace bw {
namespace {

using ByteVector = std::vector<unsigned char>;

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr unsigned char kUserPrefix = 20 << 3;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSeedBytes = 2 + kKeyBytes + 2;

ByteVector decode_base32(std::string_view text) {
    ByteVector bytes;
    std::uint32_t buffer = 0;
    int bits = 0;
    for (const char c : text) {
        const auto value = kAlphabet.find(c);
        if (value == std::string_view::npos) return {};
        buffer = (buffer << 5 | static_cast<std::uint32_t>(value)) & 0xfff;
        bits += 5;
        if (bits >= 8) bytes.push_back(static_cast<unsigned char>(buffer >> (bits -= 8)));
    }
    return bytes;
}

std::string encode_base32(const ByteVector& bytes) {
    std::string text;
    std::uint32_t buffer = 0;
    int bits = 0;
    for (const unsigned char byte : bytes) {
        buffer = (buffer << 8 | byte) & 0xffff;
        for (bits += 8; bits >= 5;) text += kAlphabet[buffer >> (bits -= 5) & 31];
    }
    if (bits > 0) text += kAlphabet[buffer << (5 - bits) & 31];
    return text;
}

std::uint16_t crc16(const unsigned char* bytes, std::size_t size) {
    std::uint32_t crc = 0;
    for (std::size_t i = 0; i < size; ++i) {
        crc ^= static_cast<std::uint32_t>(bytes[i]) << 8;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
    }
    return static_cast<std::uint16_t>(crc);
}

bool is_user_seed(const ByteVector& seed) {
    if (seed.size() != kSeedBytes || (seed[0] & 0xf8) != 18 << 3) return false;
    if (((seed[0] & 7) << 5 | (seed[1] & 0xf8) >> 3) != kUserPrefix) return false;
    return crc16(seed.data(), kSeedBytes - 2) == (seed[kSeedBytes - 2] | seed[kSeedBytes - 1] << 8);
}

// A seed file holds the seed on a line of its own; keys printed beside it and comments are passed over.
std::string seed_line(const std::string& seed_file) {
    std::ifstream file(seed_file);
    if (!file) {
        throw Error(ErrorKind::kConfiguration, seed_file, "BW_NKEY cannot be read: " + system_reason(errno));
    }
    for (std::string line; std::getline(file, line);) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (line.starts_with("SU")) return line;
    }
    return {};
}

}  // namespace

std::string public_nkey(const std::string& seed_file) {
    std::string line = seed_line(seed_file);
    ByteVector seed = decode_base32(line);
    OPENSSL_cleanse(line.data(), line.size());
    if (!is_user_seed(seed)) {
        throw Error(ErrorKind::kConfiguration, seed_file,
                    "BW_NKEY names a file without a user's nkey seed (a line SU...)");
    }
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data() + 2, kKeyBytes), EVP_PKEY_free);
    OPENSSL_cleanse(seed.data(), seed.size());
    ByteVector encoded(1 + kKeyBytes, kUserPrefix);
    std::size_t size = kKeyBytes;
    if (key == nullptr || EVP_PKEY_get_raw_public_key(key.get(), encoded.data() + 1, &size) != 1) {
        throw Error(ErrorKind::kInternal, seed_file, "OpenSSL made no public key of the nkey seed");
    }
    const std::uint16_t crc = crc16(encoded.data(), encoded.size());
    encoded.push_back(static_cast<unsigned char>(crc & 0xff));
    encoded.push_back(static_cast<unsigned char>(crc >> 8));
    return encode_base32(encoded);
}

}  // namespace bw
