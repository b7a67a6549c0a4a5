import flash.display.Sprite;
import flash.text.TextField;
import flash.text.TextFormat;
import flash.utils.ByteArray;

/** Bytes for people: rows of hexadecimal digits with the characters beside them. A text field for each column keeps them in line in any font. */
class Dump extends Sprite {
    static inline final ROW = 24;
    static inline final DIGITS_WIDTH = 18;
    static inline final CHARACTER_WIDTH = 9;

    final digits:Array<TextField>;
    final characters:Array<TextField>;
    final highlight:TextFormat;

    public function new(column:(x:Float) -> TextField, highlightColour:Int) {
        super();
        digits = [for (i in 0...ROW) column(i * DIGITS_WIDTH)];
        characters = [for (i in 0...ROW) column(ROW * DIGITS_WIDTH + 8 + i * CHARACTER_WIDTH)];
        highlight = new TextFormat();
        highlight.color = highlightColour;
        for (field in digits.concat(characters)) addChild(field);
    }

    /** Every NUL stands out. */
    public function show(bytes:ByteArray) {
        final length:Int = bytes.length;
        for (column in 0...ROW) {
            final values = [for (row in 0...Math.ceil((length - column) / ROW)) bytes[row * ROW + column]];
            digits[column].text = values.map(value -> StringTools.hex(value, 2).toLowerCase()).join("\n");
            characters[column].text = values.map(value -> value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : "·").join("\n");
            for (row in 0...values.length) if (values[row] == 0) digits[column].setTextFormat(highlight, row * 3, row * 3 + 2);
        }
    }

    /** Digits alone. */
    public static function hex(bytes:ByteArray):String {
        return [for (i in 0...bytes.length) StringTools.hex(bytes[i], 2).toLowerCase()].join("");
    }
}
