package com.caucho.hessian.test;

/**
 * The methods of Caucho's test service for Hessian 2, by the names of `testhessian2.jsonl`: `reply…` returns the value of its name, `arg…` is
 * given it and answers true. Types are those of the values.
 */
public interface TestHessian2 {
  void replyNull(); Object argNull(Object v);

  boolean replyTrue(); boolean replyFalse(); Object argTrue(boolean v); Object argFalse(boolean v);

  int replyInt_0(); int replyInt_1(); int replyInt_47(); int replyInt_m16(); int replyInt_0x30(); int replyInt_0x7ff(); int replyInt_m17();
  int replyInt_m0x800(); int replyInt_0x800(); int replyInt_0x3ffff(); int replyInt_m0x801(); int replyInt_m0x40000();
  int replyInt_0x40000(); int replyInt_0x7fffffff(); int replyInt_m0x40001(); int replyInt_m0x80000000(); Object argInt_0(int v);
  Object argInt_1(int v); Object argInt_47(int v); Object argInt_m16(int v); Object argInt_0x30(int v); Object argInt_0x7ff(int v);
  Object argInt_m17(int v); Object argInt_m0x800(int v); Object argInt_0x800(int v); Object argInt_0x3ffff(int v);
  Object argInt_m0x801(int v); Object argInt_m0x40000(int v); Object argInt_0x40000(int v); Object argInt_0x7fffffff(int v);
  Object argInt_m0x40001(int v); Object argInt_m0x80000000(int v);

  long replyLong_0(); long replyLong_1(); long replyLong_15(); long replyLong_m8(); long replyLong_0x10(); long replyLong_0x7ff();
  long replyLong_m9(); long replyLong_m0x800(); long replyLong_0x800(); long replyLong_0x3ffff(); long replyLong_m0x801();
  long replyLong_m0x40000(); long replyLong_0x40000(); long replyLong_0x7fffffff(); long replyLong_m0x40001();
  long replyLong_m0x80000000(); long replyLong_0x80000000(); long replyLong_m0x80000001(); Object argLong_0(long v);
  Object argLong_1(long v); Object argLong_15(long v); Object argLong_m8(long v); Object argLong_0x10(long v);
  Object argLong_0x7ff(long v); Object argLong_m9(long v); Object argLong_m0x800(long v); Object argLong_0x800(long v);
  Object argLong_0x3ffff(long v); Object argLong_m0x801(long v); Object argLong_m0x40000(long v); Object argLong_0x40000(long v);
  Object argLong_0x7fffffff(long v); Object argLong_m0x40001(long v); Object argLong_m0x80000000(long v);
  Object argLong_0x80000000(long v); Object argLong_m0x80000001(long v);

  double replyDouble_0_0(); double replyDouble_1_0(); double replyDouble_2_0(); double replyDouble_127_0(); double replyDouble_m128_0();
  double replyDouble_128_0(); double replyDouble_m129_0(); double replyDouble_32767_0(); double replyDouble_m32768_0();
  double replyDouble_0_001(); double replyDouble_m0_001(); double replyDouble_65_536(); double replyDouble_3_14159();
  Object argDouble_0_0(double v); Object argDouble_1_0(double v); Object argDouble_2_0(double v); Object argDouble_127_0(double v);
  Object argDouble_m128_0(double v); Object argDouble_128_0(double v); Object argDouble_m129_0(double v);
  Object argDouble_32767_0(double v); Object argDouble_m32768_0(double v); Object argDouble_0_001(double v);
  Object argDouble_m0_001(double v); Object argDouble_65_536(double v); Object argDouble_3_14159(double v);

  java.util.Date replyDate_0(); java.util.Date replyDate_1(); java.util.Date replyDate_2(); Object argDate_0(java.util.Date v);
  Object argDate_1(java.util.Date v); Object argDate_2(java.util.Date v);

  String replyString_0(); String replyString_null(); String replyString_1(); String replyString_31(); String replyString_32();
  String replyString_1023(); String replyString_1024(); String replyString_65536(); Object argString_0(String v);
  Object argString_1(String v); Object argString_31(String v); Object argString_32(String v); Object argString_1023(String v);
  Object argString_1024(String v); Object argString_65536(String v);

  byte[] replyBinary_0(); byte[] replyBinary_null(); byte[] replyBinary_1(); byte[] replyBinary_15(); byte[] replyBinary_16();
  byte[] replyBinary_1023(); byte[] replyBinary_1024(); byte[] replyBinary_65536(); Object argBinary_0(byte[] v);
  Object argBinary_1(byte[] v); Object argBinary_15(byte[] v); Object argBinary_16(byte[] v); Object argBinary_1023(byte[] v);
  Object argBinary_1024(byte[] v); Object argBinary_65536(byte[] v);

  Object replyUntypedFixedList_0(); Object replyUntypedFixedList_1(); Object replyUntypedFixedList_7(); Object replyUntypedFixedList_8();
  Object argUntypedFixedList_0(Object v); Object argUntypedFixedList_1(Object v); Object argUntypedFixedList_7(Object v);
  Object argUntypedFixedList_8(Object v);

  Object replyTypedFixedList_0(); Object replyTypedFixedList_1(); Object replyTypedFixedList_7(); Object replyTypedFixedList_8();
  Object argTypedFixedList_0(Object v); Object argTypedFixedList_1(Object v); Object argTypedFixedList_7(Object v);
  Object argTypedFixedList_8(Object v);

  Object replyUntypedMap_0(); Object replyUntypedMap_1(); Object replyUntypedMap_2(); Object replyUntypedMap_3();
  Object argUntypedMap_0(Object v); Object argUntypedMap_1(Object v); Object argUntypedMap_2(Object v); Object argUntypedMap_3(Object v);

  Object replyTypedMap_0(); Object replyTypedMap_1(); Object replyTypedMap_2(); Object replyTypedMap_3(); Object argTypedMap_0(Object v);
  Object argTypedMap_1(Object v); Object argTypedMap_2(Object v); Object argTypedMap_3(Object v);

  Object replyObject_0(); Object replyObject_16(); Object replyObject_1(); Object replyObject_2(); Object replyObject_2a();
  Object replyObject_2b(); Object replyObject_3(); Object argObject_0(Object v); Object argObject_16(Object v);
  Object argObject_1(Object v); Object argObject_2(Object v); Object argObject_2a(Object v); Object argObject_2b(Object v);
  Object argObject_3(Object v);

  void methodNull();
}
