import flash.errors.Error;
import flash.utils.ByteArray;

/**
 * Reads the objects of a stream: what the tutorial sends, in the draft of 2007 (`O` defines a class, `o` is an object of it) and in Hessian 2.0
 * (`C`, and `60` and more, or `O`). Fields are strings, numbers of 32 bits, booleans or null. Class definitions hold for all of the stream.
 *
 * An object is made of the class of its name, `getDefinitionByName` as in 2008, if that is one of the package `example`: a server makes nothing of
 * the player's own classes.
 */
class HessianInput {
    /** Definitions in a stream, and fields in one. */
    static inline final MOST_CLASSES = 256;
    static inline final MOST_FIELDS = 256;

    final classes:Array<{name:String, fields:Array<String>}> = [];
    /** 2007's draft; known by the first definition. */
    var isDraft = false;
    var data:ByteArray;

    public function new() {}

    public function readObject(bytes:ByteArray):Dynamic {
        data = bytes;
        data.position = 0;
        var tag = byte();
        if (classes.length == 0) isDraft = tag == "O".code;
        while (tag == (isDraft ? "O".code : "C".code)) {
            if (classes.length == MOST_CLASSES) throw new Error('more than $MOST_CLASSES classes');
            final name = string(byte());
            final count = int(byte());
            if (count < 0 || count > MOST_FIELDS) throw new Error('a class of $count fields, and at most $MOST_FIELDS are read');
            classes.push({ name: name, fields: [for (i in 0...count) string(byte())] });
            tag = byte();
        }
        final number = !isDraft && tag >= 0x60 && tag <= 0x6f ? tag - 0x60 : tag == (isDraft ? "o".code : "O".code) ? int(byte()) : -1;
        final known = number < 0 ? null : classes[number];
        if (known == null) throw new Error('expected an object, and read 0x${StringTools.hex(tag, 2)}');
        final type = StringTools.startsWith(known.name, "example.") ? Type.resolveClass(known.name) : null;
        if (type == null) throw new Error('the movie has no class ${known.name}');
        final object = Type.createInstance(type, []);
        for (field in known.fields) Reflect.setProperty(object, field, value());
        if (data.bytesAvailable > 0) throw new Error('${data.bytesAvailable} bytes after an object');
        return object;
    }

    function value():Dynamic {
        final tag = byte();
        return switch tag {
            case "N".code: null;
            case "T".code: true;
            case "F".code: false;
            case _ if (isInt(tag)): int(tag);
            case _: string(tag);
        }
    }

    static function isInt(tag:Int):Bool {
        return tag >= 0x80 && tag <= 0xd7 || tag == "I".code;
    }

    function int(tag:Int):Int {
        if (tag >= 0x80 && tag <= 0xbf) return tag - 0x90;
        if (tag >= 0xc0 && tag <= 0xcf) return (tag - 0xc8) << 8 | byte();
        if (tag >= 0xd0 && tag <= 0xd7) return (tag - 0xd4) << 16 | byte() << 8 | byte();
        if (tag == "I".code) return byte() << 24 | byte() << 16 | byte() << 8 | byte();
        throw new Error('expected a number, and read 0x${StringTools.hex(tag, 2)}');
    }

    /** In one chunk or several: `s` or `R` is a chunk that another one follows. */
    function string(tag:Int):String {
        final more = isDraft ? "s".code : "R".code;
        var text = "";
        while (tag == more) {
            text += chars(byte() << 8 | byte());
            tag = byte();
        }
        if (tag < 0x20) return text + chars(tag);
        if (!isDraft && tag >= 0x30 && tag <= 0x33) return text + chars((tag - 0x30) << 8 | byte());
        if (tag == "S".code) return text + chars(byte() << 8 | byte());
        throw new Error('expected a string, and read 0x${StringTools.hex(tag, 2)}');
    }

    /** Characters of 16 bits, each of one to three bytes. */
    function chars(count:Int):String {
        final text = new StringBuf();
        for (i in 0...count) {
            final first = byte();
            if (first < 0x80) text.addChar(first);
            else if (first & 0xe0 == 0xc0) text.addChar((first & 0x1f) << 6 | (byte() & 0x3f));
            else if (first & 0xf0 == 0xe0) text.addChar((first & 0x0f) << 12 | (byte() & 0x3f) << 6 | (byte() & 0x3f));
            else throw new Error('0x${StringTools.hex(first, 2)} begins no character');
        }
        return text.toString();
    }

    function byte():Int {
        if (data.bytesAvailable == 0) throw new Error("an object is cut short");
        return data.readUnsignedByte();
    }
}
