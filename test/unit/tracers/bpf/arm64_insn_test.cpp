// A64 instructions that write: one of each form, as an assembler made them.
#include "tracers/bpf/arm64_insn.h"

#include "test/catch.h"

namespace anonvma::test {
namespace {

struct Instruction {
  __u32 code;
  const char* text;
};

}  // namespace

TEST_CASE("A64 instructions that write to memory", "[arm64]") {
  const Instruction writes[] = {
      {0xf9000020, "str x0,[x1]"},         {0xb8004c20, "str w0,[x1,#4]!"},
      {0x38001420, "strb w0,[x1],#1"},     {0x78226820, "strh w0,[x1,x2]"},
      {0xf81f8020, "stur x0,[x1,#-8]"},    {0xf8000820, "sttr x0,[x1]"},
      {0xa9000440, "stp x0,x1,[x2]"},      {0xadbf0440, "stp q0,q1,[x2,#-32]!"},
      {0xa8000440, "stnp x0,x1,[x2]"},     {0x3d800020, "str q0,[x1]"},
      {0xfc226820, "str d0,[x1,x2]"},      {0x3c801020, "stur q0,[x1,#1]"},
      {0x4c007000, "st1 {v0.16b},[x0]"},   {0x4c9f0800, "st4 {v0.4s-v3.4s},[x0],#64"},
      {0x0d000c00, "st1 {v0.b}[3],[x0]"},  {0xc8007c41, "stxr w0,x1,[x2]"},
      {0x8800fc41, "stlxr w0,w1,[x2]"},    {0xc8200c41, "stxp w0,x1,x3,[x2]"},
      {0xc89ffc20, "stlr x0,[x1]"},        {0xc89f7c20, "stllr x0,[x1]"},
      {0xd9001020, "stlur x0,[x1,#1]"},    {0xc8a07c41, "cas x0,x1,[x2]"},
      {0x88e0fc41, "casal w0,w1,[x2]"},    {0x48207c82, "casp x0,x1,x2,x3,[x4]"},
      {0xf8208041, "swp x0,x1,[x2]"},      {0xf8200041, "ldadd x0,x1,[x2]"},
      {0xb8e00041, "ldaddal w0,w1,[x2]"},  {0xf820003f, "stadd x0,[x1]"},
      {0xf8201041, "ldclr x0,x1,[x2]"},    {0xf8206041, "ldumax x0,x1,[x2]"},
      {0xd50b7420, "dc zva,x0"},           {0xd50b7460, "dc gva,x0"},
      {0xd9200820, "stg x0,[x1]"},         {0xd9600820, "stzg x0,[x1]"},
      {0xd9a00820, "st2g x0,[x1]"},        {0x69000440, "stgp x0,x1,[x2]"},
      {0xe400e000, "st1b {z0.b},p0,[x0]"}, {0xe581a000, "st1d {z0.d},p0,[x0,z1.d]"},
      {0xe5804000, "str z0,[x0]"},         {0xe510e000, "stnt1w {z0.s},p0,[x0]"},
  };
  for (const Instruction& instruction : writes) {
    INFO(instruction.text);
    CHECK(anonvma_arm64_writes(instruction.code));
  }
}

TEST_CASE("A64 instructions that do not write to memory", "[arm64]") {
  const Instruction others[] = {
      {0xf9400020, "ldr x0,[x1]"},
      {0xb8404c20, "ldr w0,[x1,#4]!"},
      {0x38401420, "ldrb w0,[x1],#1"},
      {0xb9800020, "ldrsw x0,[x1]"},
      {0x39800020, "ldrsb x0,[x1]"},
      {0x78e26820, "ldrsh w0,[x1,x2]"},
      {0xf85f8020, "ldur x0,[x1,#-8]"},
      {0xf8400820, "ldtr x0,[x1]"},
      {0xa9400440, "ldp x0,x1,[x2]"},
      {0x69400440, "ldpsw x0,x1,[x2]"},
      {0xad400440, "ldp q0,q1,[x2]"},
      {0xa8400440, "ldnp x0,x1,[x2]"},
      {0x3dc00020, "ldr q0,[x1]"},
      {0x3d400020, "ldr b0,[x1]"},
      {0x3cc01020, "ldur q0,[x1,#1]"},
      {0x4c407000, "ld1 {v0.16b},[x0]"},
      {0x4d40c800, "ld1r {v0.4s},[x0]"},
      {0xc85f7c20, "ldxr x0,[x1]"},
      {0xc87f8440, "ldaxp x0,x1,[x2]"},
      {0xc8dffc20, "ldar x0,[x1]"},
      {0xf8bfc020, "ldapr x0,[x1]"},
      {0xd9401020, "ldapur x0,[x1,#1]"},
      {0x99801020, "ldapursw x0,[x1,#1]"},
      {0xf8200420, "ldraa x0,[x1]"},
      {0xf8a01c20, "ldrab x0,[x1,#8]!"},
      {0x58000000, "ldr x0,."},
      {0x9c000000, "ldr q0,."},
      {0xf9800000, "prfm pldl1keep,[x0]"},
      {0xd50b7b20, "dc cvau,x0"},
      {0xd50b7e20, "dc civac,x0"},
      {0xd50b7520, "ic ivau,x0"},
      {0xd9600020, "ldg x0,[x1]"},
      {0xa400a000, "ld1b {z0.b},p0/z,[x0]"},
      {0xc5c1c000, "ld1d {z0.d},p0/z,[x0,z1.d]"},
      {0x85804000, "ldr z0,[x0]"},
      {0xa41f6000, "ldff1b {z0.b},p0/z,[x0]"},
      {0x8b020020, "add x0,x1,x2"},
      {0x14000000, "b ."},
      {0xd65f03c0, "ret"},
      {0xd4000001, "svc #0"},
      {0xd2800020, "mov x0,#1"},
      {0x1e622820, "fadd d0,d1,d2"},
      {0xd503201f, "nop"},
      {0, "udf #0: what could not be read"},
  };
  for (const Instruction& instruction : others) {
    INFO(instruction.text);
    CHECK_FALSE(anonvma_arm64_writes(instruction.code));
  }
}

TEST_CASE("A64 instructions that use the guarded control stack", "[arm64]") {
  const Instruction uses[] = {
      {0x94000001, "bl .+4"},      {0x97ffffff, "bl .-4"},      {0xd63f0020, "blr x1"},
      {0xd73f0822, "blraa x1,x2"}, {0xd63f083f, "blraaz x1"},   {0xd65f03c0, "ret"},
      {0xd65f0bff, "retaa"},       {0xd50b7700, "gcspushm x0"}, {0xd52b773f, "gcspopm"},
      {0xd50b7741, "gcsss1 x1"},   {0xd52b7761, "gcsss2 x1"},
  };
  for (const Instruction& instruction : uses) {
    INFO(instruction.text);
    CHECK(anonvma_arm64_uses_gcs(instruction.code));
  }
  const Instruction others[] = {
      {0x14000001, "b .+4"},        {0xd61f0020, "br x1"},      {0xd69f03e0, "eret"},
      {0xd91f0c20, "gcsstr x0,x1"}, {0xd50b7420, "dc zva,x0"},  {0xf9000020, "str x0,[x1]"},
      {0xd503201f, "nop"},          {0xb4000020, "cbz x0,.+4"},
  };
  for (const Instruction& instruction : others) {
    INFO(instruction.text);
    CHECK_FALSE(anonvma_arm64_uses_gcs(instruction.code));
  }
  CHECK(anonvma_arm64_writes(0xd91f0c20));  // gcsstr x0,x1
}

}  // namespace anonvma::test
