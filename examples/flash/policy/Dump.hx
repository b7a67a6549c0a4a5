import flash.utils.ByteArray;

/** Bytes for people. */
class Dump {
    static inline final ROW = 24;

    /** Rows of hexadecimal digits with the characters beside them. */
    public static function of(bytes:ByteArray):String {
        final rows = [];
        final length:Int = bytes.length;
        var start = 0;
        while (start < length) {
            final end = start + ROW < length ? start + ROW : length;
            final digits = [for (i in start...end) StringTools.hex(bytes[i], 2).toLowerCase()].join(" ");
            final characters = [for (i in start...end) bytes[i] >= 0x20 && bytes[i] < 0x7f ? String.fromCharCode(bytes[i]) : "·"].join("");
            rows.push(StringTools.rpad(digits, " ", ROW * 3) + " " + characters);
            start = end;
        }
        return rows.join("\n");
    }

    /** Digits alone. */
    public static function hex(bytes:ByteArray):String {
        return [for (i in 0...bytes.length) StringTools.hex(bytes[i], 2).toLowerCase()].join("");
    }
}
